import assert from 'node:assert/strict'
import { replayEvents } from '../../src/db/replay.ts'
import { tooOldReason } from '../../src/domain/event-age.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { quietMetrics } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { counted } from './instance.ts'

const weekMs = 7 * 24 * 3_600_000

describe('an event that is older than MAX_EVENT_AGE', () => {
  const database = useDatabase()
  let inbox: RunningInbox
  const signalled: string[] = []
  const metrics = quietMetrics()

  before(async () => {
    const signal = async (_email: unknown, events: readonly { id: string }[]) => {
      signalled.push(...events.map(({ id }) => id))
    }
    const parts = { db: database.db, emailWorkflows: { signal }, metrics, log: quietLog }
    inbox = createInbox({ ...parts, relay: { pollEveryMs: 20 }, maxEventAgeMs: weekMs })
  })
  after(() => inbox.close())

  it('is recognized by the provider’s clock and ours, to the millisecond', () => {
    assert.equal(tooOldReason({ occurredAt: 1_000, receivedAt: 1_000 + weekMs }, weekMs), null)
    assert.match(tooOldReason({ occurredAt: 999, receivedAt: 1_000 + weekMs }, weekMs) ?? '', /MAX_EVENT_AGE/)
    assert.equal(tooOldReason({ occurredAt: 9_000, receivedAt: 1_000 }, weekMs), null)
  })

  it('is acknowledged and quarantined, does not delay others, and is applied when it is replayed', async () => {
    const now = Date.now()
    const events = [
      receivedEvent({ id: 'young', occurredAt: now - weekMs + 60_000, receivedAt: now }),
      receivedEvent({ id: 'old', occurredAt: now - weekMs - 1, receivedAt: now }),
    ]
    assert.deepEqual(await inbox.append(events), { received: 2, duplicates: 0 })
    await until(() => signalled.length > 0)
    assert.deepEqual(signalled, ['young'])
    const old = await database.db.event.findFirst({ where: { eventId: 'old' } })
    assert.match(old?.quarantinedReason ?? '', /older than MAX_EVENT_AGE/)
    assert.equal(await counted(metrics, { outcome: 'quarantined' }), 1)
    await replayEvents(database.db, [{ provider: 'aisend', id: 'old' }])
    await until(() => signalled.includes('old'))
  })
})
