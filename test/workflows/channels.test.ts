import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { serveChannels } from '../../src/workflows/scheduled.ts'
import { IncidentRuns } from '../histories/incident-runs.ts'
import { until } from '../until.ts'
import { EmailRig, stallAfter } from './email-rig.ts'

describe('changes of escalations', () => {
  let rig: EmailRig
  let following: ReturnType<EmailRig['follow']>
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())
  beforeEach(() => {
    following = rig.follow()
  })
  afterEach(() => following.end())

  const shownOf = (id: string) =>
    following.shown.filter(({ escalationId }) => escalationId === id).map(({ state }) => state)
  const untilSent = (id: string) =>
    until(async () => (await rig.db.notification.count({ where: { escalationId: id, channel: 'oncall' } })) === 1)
  const serve = () =>
    rig.client.workflow.execute<typeof serveChannels>('serveChannels', {
      workflowId: `serve-${randomUUID()}`,
      taskQueue: rig.taskQueue,
      args: [],
    })

  it('are shown by the email’s workflow, by whomever they were made, before it completes', async () => {
    const email = rig.email({ ...stallAfter(100), lingerAfterSettledMs: 100 })
    await email.register()
    const { id } = await email.escalated('stalled', 'open')
    await untilSent(id)
    await email.emailWorkflows.command(email, 'stalled', { do: 'snooze', by: 'ada', until: Date.now() + 3_600_000 })
    await until(() => shownOf(id).length === 1)
    await email.apply(email.event('delivered'))
    await email.closed()
    assert.deepEqual(shownOf(id), ['snoozed', 'resolved'])
    assert.equal(email.notices().length, 1, 'a change is no notice')
  })

  it('are shown by the incident’s workflow', async () => {
    const incident = new IncidentRuns(rig, `tag:${randomUUID()}`)
    await incident.raise()
    const { id } = await rig.db.escalation.findFirstOrThrow({ where: { reason: 'bounce_rate' } })
    await untilSent(id)
    await incident.command({ do: 'acknowledge', by: 'ada' })
    await until(() => shownOf(id).includes('acknowledged'))
    await incident.clear()
    await incident.closed()
    assert.deepEqual(shownOf(id), ['acknowledged', 'resolved'])
  })

  it('are shown later by the scheduled job if the workflow was lost before', async () => {
    const email = rig.email({ ...stallAfter(100), lingerAfterSettledMs: 100 })
    await email.register()
    const { id } = await email.escalated('stalled', 'open')
    await untilSent(id)
    following.error = new Error('away')
    await email.emailWorkflows.command(email, 'stalled', { do: 'resolve', by: 'ada' })
    await until(() => following.failures > 0)
    await email.handle().terminate()
    following.error = null
    assert.deepEqual(await serve(), { digests: 0, changes: 0, failed: 0 }, 'its workflow still has time')
    await rig.db.escalation.update({ where: { id }, data: { resolvedAt: new Date(Date.now() - 120_000) } })
    assert.deepEqual(await serve(), { digests: 0, changes: 1, failed: 0 })
    assert.deepEqual(shownOf(id), ['resolved'])
    assert.deepEqual(await serve(), { digests: 0, changes: 0, failed: 0 })
  })
})
