import assert from 'node:assert/strict'
import { replayEvents } from '../../src/db/replay.ts'
import { tooOldReason } from '../../src/domain/event-age.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { quietMetrics } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { counted } from './instance.ts'

const weekMs = 7 * 24 * 3_600_000

describe('an event that comes later than MAX_EVENT_AGE', () => {
  let database: TestDatabase
  let inbox: RunningInbox
  const heard: string[] = []
  const metrics = quietMetrics()

  before(async () => {
    database = await testDatabase()
    const signal = async (_email: unknown, events: readonly { id: string }[]) => {
      heard.push(...events.map(({ id }) => id))
    }
    const parts = { db: database.db, lives: { signal }, metrics, log: quietLog }
    inbox = createInbox({ ...parts, sweepEveryMs: 20, maxEventAgeMs: weekMs })
  })
  after(async () => {
    await inbox.close()
    await database.drop()
  })

  it('is told by the provider’s clock and ours, to the millisecond', () => {
    assert.equal(tooOldReason({ occurredAt: 1_000, receivedAt: 1_000 + weekMs }, weekMs), null)
    assert.match(tooOldReason({ occurredAt: 999, receivedAt: 1_000 + weekMs }, weekMs) ?? '', /MAX_EVENT_AGE/)
    assert.equal(tooOldReason({ occurredAt: 9_000, receivedAt: 1_000 }, weekMs), null)
  })

  it('is acknowledged and put aside, holds up no other, and is applied when people want it replayed', async () => {
    const now = Date.now()
    const events = [
      receivedEvent({ id: 'young', occurredAt: now - weekMs + 60_000, receivedAt: now }),
      receivedEvent({ id: 'old', occurredAt: now - weekMs - 1, receivedAt: now }),
    ]
    assert.deepEqual(await inbox.append(events), { received: 2, duplicates: 0 })
    await until(() => heard.length > 0)
    assert.deepEqual(heard, ['young'])
    const old = await database.db.event.findFirst({ where: { eventId: 'old' } })
    assert.match(old?.quarantinedReason ?? '', /older than MAX_EVENT_AGE/)
    assert.equal(await counted(metrics, { outcome: 'quarantined' }), 1)
    await replayEvents(database.db, [{ provider: 'aisend', id: 'old' }])
    await until(() => heard.includes('old'))
  })
})
