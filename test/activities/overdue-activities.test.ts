import assert from 'node:assert/strict'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createScheduledActivities } from '../../src/activities/create-scheduled-activities.ts'
import type { OverdueInput, OverduePage } from '../../src/activities/scheduled-activities.ts'
import { readConfig } from '../../src/config.ts'
import { noEndpointWorkflows } from '../../src/temporal/endpoints.ts'
import { useDatabase } from '../stack.ts'

const lateMs = 3_600_000
/** More than two pages. */
const late = 1_100

describe('the activity that restarts overdue workflows', () => {
  const database = useDatabase()
  before(async () => {
    await database.db.$executeRaw`
      INSERT INTO emails (id, provider, first_received_at)
      SELECT 'late_' || n, 'aisend', now() - interval '1 hour' + n * interval '1 ms' FROM generate_series(1, ${late}::int) AS n`
  })

  it('finds the lost one behind all those that are running and only late', async () => {
    const asked: string[] = []
    const { alarms, retention } = readConfig({})
    const activities = createScheduledActivities({
      db: database.db,
      emailWorkflows: {
        ensureStarted: async ({ emailId }) => {
          asked.push(emailId)
          return emailId === `late_${late}`
        },
      },
      policy: {
        stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
        escalationRepeatAfterMs: 1,
        lingerAfterSettledMs: 1,
        giveUpAfterMs: 24 * lateMs,
      },
      alarms,
      retention,
      incidents: {
        raise: async () => {},
        ensureStarted: async () => false,
        clear: async () => false,
        terminate: async () => {},
      },
      startReconcile: async () => false,
      channels: [],
      endpointWorkflows: noEndpointWorkflows,
      mailServers: null,
    })
    const environment = () => new MockActivityEnvironment({ scheduledTimestampMs: Date.now() })
    const wakePage = (input: OverdueInput): Promise<OverduePage> =>
      environment().run(() => activities.wakeOverdueLives(input))
    let woken = 0
    let page: OverduePage = await wakePage({ graceMs: 0 })
    for (; page.next; page = await wakePage({ graceMs: 0, after: page.next })) woken += page.woken
    assert.equal(woken + page.woken, 1)
    assert.equal(new Set(asked).size, late)
    assert.equal(asked.length, late)
  })
})
