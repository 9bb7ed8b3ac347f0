import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database } from '../../src/db/database.ts'
import { attemptLimit, insertEvents } from '../../src/db/events.ts'
import type { EmailKey, LifecycleEvent } from '../../src/domain/events.ts'
import { expireLeases, store } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { counted, type Instance, Lifecycles, SilentLives, startInstance } from './instance.ts'

/** A Temporal that takes every signal at once. */
class OpenEar {
  readonly heard: { email: EmailKey; events: readonly LifecycleEvent[]; recipientDomain: string | null }[] = []
  signal = async (email: EmailKey, events: readonly LifecycleEvent[], recipientDomain: string | null) => {
    this.heard.push({ email, events, recipientDomain })
  }
}

describe('the inbox', () => {
  let database: TestDatabase
  let db: Database
  let ear: OpenEar
  const instances: Instance[] = []

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    ear = new OpenEar()
    await db.$executeRaw`TRUNCATE events, emails`
  })
  afterEach(async () => {
    await Promise.all(instances.splice(0).map((instance) => instance.close()))
  })

  const instance = (...[lives, sweepEveryMs]: [Lives?, number?]): Instance => {
    const started = startInstance(database.url, lives ?? ear, sweepEveryMs)
    instances.push(started)
    return started
  }
  type Lives = Parameters<typeof startInstance>[1]

  it('stores and signals an event once that comes 200 times at once to two instances', async () => {
    const both = [instance(), instance()]
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) => both[n % 2]?.inbox.append([receivedEvent({ id: 'evt_1' })])),
    )
    assert.equal(
      results.reduce((sum, result) => sum + (result?.received ?? 0), 0),
      1,
    )
    assert.equal(
      results.reduce((sum, result) => sum + (result?.duplicates ?? 0), 0),
      199,
    )
    assert.equal(await db.event.count(), 1)
    await until(() => ear.heard.length > 0)
    assert.equal(ear.heard.flatMap(({ events }) => events).length, 1)
    const sums = await Promise.all(both.map(({ metrics }) => counted(metrics, { outcome: 'duplicate', type: 'sent' })))
    assert.equal(
      sums.reduce((sum, duplicates) => sum + duplicates),
      199,
    )
  })

  it('tells of one request which events were new, repeats within it included', async () => {
    const { inbox } = instance()
    await inbox.append([receivedEvent({ id: 'a' })])
    const events = ['a', 'b', 'b', 'c'].map((id) => receivedEvent({ id }))
    assert.deepEqual(await inbox.append(events), { received: 2, duplicates: 2 })
  })

  it('counts types that it has no meaning for as one', async () => {
    const { inbox, metrics } = instance()
    await inbox.append(['a', 'b'].map((id) => receivedEvent({ id, type: `made up ${id}` })))
    assert.equal(await counted(metrics, { outcome: 'received', type: 'unknown' }), 2)
  })

  it('hands Temporal no more than IDs, types, times and a domain', async () => {
    const { inbox } = instance()
    await inbox.append([receivedEvent({ subject: 'Your secret', payload: '{"ip":"192.0.2.7"}' })])
    await until(() => ear.heard.length === 1)
    assert.equal(ear.heard[0]?.recipientDomain, 'example.com')
    assert.doesNotMatch(JSON.stringify(ear.heard), /ada|secret|192\.0/)
  })

  it('signals a registration like any event, again and again if it is made again and again', async () => {
    const { inbox } = instance()
    const registration = {
      ...{ provider: 'aisend', emailId: 'em_1' },
      to: ['Ada@Example.com'],
      subject: null,
      tags: null,
    }
    const created = await Promise.all(
      Array.from({ length: 20 }, () => inbox.register({ ...registration, priority: 'critical', as: 'sent' })),
    )
    assert.ok(created.some((result) => result.created))
    assert.deepEqual(await inbox.register({ ...registration, priority: null, as: 'queued' }), { created: false })
    await until(() => ear.heard.flatMap(({ events }) => events).length === 21)
    assert.equal(await db.email.count(), 1)
    assert.equal((await db.email.findFirstOrThrow()).priority, 'critical')
    assert.equal(ear.heard[0]?.recipientDomain, 'example.com')
  })

  it('sweeps up what was committed without it, and leaves what is leased or quarantined', async () => {
    await store(db, { id: 'due' }, { id: 'quarantined' })
    await expireLeases(db)
    await db.$executeRaw`UPDATE events SET quarantined_reason = 'broken' WHERE event_id = 'quarantined'`
    await store(db, { id: 'leased' })
    const { signalled } = instance()
    await until(() => signalled.length > 0)
    await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = 'leased'`
    await until(() => signalled.length > 1)
    assert.deepEqual(signalled, ['due', 'leased'])
  })

  it('quarantines what Temporal refuses again and again, with its reason, and harms nobody else', async () => {
    const lifecycles = new Lifecycles(await testTemporal())
    const { inbox, metrics, signalled } = instance(lifecycles.lives)
    // Temporal takes workflow IDs of up to 1,000 characters.
    const refused = receivedEvent({ id: randomUUID(), emailId: 'x'.repeat(1_100), type: 'opened' })
    const sound = receivedEvent({ id: randomUUID(), emailId: randomUUID() })
    const rowOfRefused = () => db.event.findFirstOrThrow({ where: { eventId: refused.id } })
    await inbox.append([refused, sound])
    for (let attempt = 1; attempt <= attemptLimit; attempt += 1) {
      await until(async () => (await rowOfRefused()).attempts === attempt)
      if (attempt < attemptLimit) assert.equal((await rowOfRefused()).quarantinedReason, null)
      await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = ${refused.id}`
    }
    assert.match((await rowOfRefused()).quarantinedReason ?? '', /length/i)
    await until(async () => (await counted(metrics, { outcome: 'quarantined', type: 'opened' })) === 1)
    assert.deepEqual(signalled, [sound.id])
    assert.equal((await rowOfRefused()).attempts, attemptLimit)
    await lifecycles.close()
  })

  it('keeps what it has no room for in the database, free for whoever sweeps first', async () => {
    const silent = new SilentLives()
    const full = instance(silent, 60_000)
    const events = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => receivedEvent({ id: `evt_${from + n}`, emailId: `em_${from + n}` }))
    try {
      for (let from = 0; from < 4_000; from += 1_000) await full.inbox.append(events(from, from + 1_000))
      await full.inbox.append(events(4_000, 4_010))
      const other = instance()
      await until(() => other.signalled.length >= 10)
      const without = new Set(events(4_000, 4_010).map(({ id }) => id))
      assert.deepEqual(new Set(other.signalled), without)
    } finally {
      silent.letGo()
    }
  })

  it('runs only so far ahead of the workers, and goes on as they apply what was signalled', async () => {
    const ahead = instance()
    const emails = Array.from({ length: 100 }, (_, n) => receivedEvent({ id: `evt_${n}`, emailId: `em_${n}` }))
    await ahead.inbox.append(emails)
    await until(() => ear.heard.length >= 64)
    // One that waits for no worker would have been heard before this comes back.
    await db.event.count()
    assert.equal(ear.heard.length, 64)
    await db.event.updateMany({ where: { eventId: { in: ahead.signalled } }, data: { appliedAt: new Date() } })
    await until(() => ear.heard.length >= 100)
    assert.deepEqual(new Set(ahead.signalled), new Set(emails.map(({ id }) => id)))
  })

  it('is closed with everything that it acknowledged in the database', async () => {
    const closing = instance()
    await closing.inbox.append([receivedEvent({ id: 'evt_1' })])
    await closing.inbox.close()
    assert.equal(await db.event.count(), 1)
    await insertEvents(db, [receivedEvent({ id: 'evt_2' })])
    await expireLeases(db)
    const other = instance()
    await until(() => other.signalled.includes('evt_2'))
    assert.ok(!closing.signalled.includes('evt_2'))
  })
})
