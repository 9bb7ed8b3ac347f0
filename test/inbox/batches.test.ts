import assert from 'node:assert/strict'
import type { EmailKey, LifecycleEvent } from '../../src/domain/events.ts'
import { expireLeases } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { counted, type Instance, startInstance } from './instance.ts'

describe('a batch in the inbox', () => {
  let database: TestDatabase
  let instance: Instance
  const heard: string[] = []
  const lives = {
    signal: async (_email: EmailKey, events: readonly LifecycleEvent[]) => {
      heard.push(...events.map(({ id }) => id))
    },
  }

  before(async () => {
    database = await testDatabase()
    instance = startInstance(database.url, lives, 20)
  })
  after(async () => {
    await instance.close()
    await database.drop()
  })

  it('is one append of many emails’ events, whose repeats are told one by one', async () => {
    const batch = Array.from({ length: 3_000 }, (_, n) =>
      receivedEvent({ id: `evt_${n % 2_000}`, emailId: `em_${n % 7}` }),
    )
    assert.deepEqual(await instance.inbox.append(batch), { received: 2_000, duplicates: 1_000 })
    await until(() => heard.length >= 2_000)
    assert.equal(new Set(heard).size, 2_000)
  })

  it('keeps what could not be read with its reason, counts it, and never hands it on', async () => {
    const unread = receivedEvent({
      id: 'evt_bad',
      emailId: '',
      type: 'unreadable',
      quarantinedReason: 'the event has no ID',
    })
    const result = await instance.inbox.append([receivedEvent({ id: 'evt_good' }), unread])
    assert.deepEqual(result, { received: 2, duplicates: 0 })
    assert.deepEqual(await instance.inbox.append([unread]), { received: 0, duplicates: 1 })
    const row = await database.db.event.findFirstOrThrow({ where: { eventId: 'evt_bad' } })
    assert.deepEqual([row.quarantinedReason, row.appliedAt], ['the event has no ID', null])
    assert.equal(await counted(instance.metrics, { outcome: 'quarantined' }), 1)
    // Swept as often as can be: what waits comes again, and it is not among that.
    await expireLeases(database.db)
    const before = heard.length
    await until(() => heard.length > before)
    assert.ok(heard.includes('evt_good'))
    assert.ok(!heard.includes('evt_bad'))
  })
})
