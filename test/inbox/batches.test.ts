import assert from 'node:assert/strict'
import type { EmailKey, LifecycleEvent } from '../../src/domain/events.ts'
import { unclaimAll } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { counted, type Instance, startInstance } from './instance.ts'

describe('a batch in the inbox', () => {
  const database = useDatabase()
  let instance: Instance
  const signalled: string[] = []
  const emailWorkflows = {
    signal: async (_email: EmailKey, events: readonly LifecycleEvent[]) => {
      signalled.push(...events.map(({ id }) => id))
    },
  }

  before(async () => {
    instance = startInstance(database.url, emailWorkflows, 20, 10_000)
  })
  after(() => instance.close())

  it('is stored in one append, and its repeats are counted one by one', async () => {
    const batch = Array.from({ length: 3_000 }, (_, n) =>
      receivedEvent({ id: `evt_${n % 2_000}`, emailId: `em_${n % 7}` }),
    )
    assert.deepEqual(await instance.inbox.append(batch), { received: 2_000, duplicates: 1_000 })
    await until(() => signalled.length >= 2_000)
    assert.equal(new Set(signalled).size, 2_000)
  })

  it('may hold unreadable events, which are stored with the reason, counted and never signalled', async () => {
    const unreadable = receivedEvent({
      id: 'evt_bad',
      emailId: '',
      type: 'unreadable',
      quarantinedReason: 'the event has no ID',
    })
    const result = await instance.inbox.append([receivedEvent({ id: 'evt_good' }), unreadable])
    assert.deepEqual(result, { received: 2, duplicates: 0 })
    assert.deepEqual(await instance.inbox.append([unreadable]), { received: 0, duplicates: 1 })
    const row = await database.db.event.findFirstOrThrow({ where: { eventId: 'evt_bad' } })
    assert.deepEqual([row.quarantinedReason, row.appliedAt], ['the event has no ID', null])
    assert.equal(await counted(instance.metrics, { outcome: 'quarantined' }), 1)
    // All unapplied events are claimed again; the quarantined one is not.
    await unclaimAll(database.db)
    const before = signalled.length
    await until(() => signalled.length > before)
    assert.ok(signalled.includes('evt_good'))
    assert.ok(!signalled.includes('evt_bad'))
  })
})
