import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { attemptLimit } from '../../src/db/event-claims.ts'
import { insertEvents } from '../../src/db/events.ts'
import type { EmailKey, LifecycleEvent } from '../../src/domain/events.ts'
import { store, unclaimAll } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { emptyTables, testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { counted, type Instance, Lifecycles, startInstance } from './instance.ts'

/** Workflows that accept every signal at once. */
class AcceptingWorkflows {
  readonly signals: { email: EmailKey; events: readonly LifecycleEvent[]; recipientDomain: string | null }[] = []
  signal = async (email: EmailKey, events: readonly LifecycleEvent[], recipientDomain: string | null) => {
    this.signals.push({ email, events, recipientDomain })
  }
}

describe('the inbox', () => {
  const database = useDatabase()
  const { db } = database
  let workflows: AcceptingWorkflows
  const instances: Instance[] = []
  beforeEach(async () => {
    workflows = new AcceptingWorkflows()
    await emptyTables(db, 'events, emails')
  })
  afterEach(() => Promise.all(instances.splice(0).map((instance) => instance.close())))

  const instance = (...[emailWorkflows, pollEveryMs]: [EmailWorkflows?, number?]): Instance => {
    const started = startInstance(database.url, emailWorkflows ?? workflows, pollEveryMs)
    instances.push(started)
    return started
  }
  type EmailWorkflows = Parameters<typeof startInstance>[1]

  it('stores and signals an event once that two instances receive 200 times at once', async () => {
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
    await until(() => workflows.signals.length > 0)
    assert.equal(workflows.signals.flatMap(({ events }) => events).length, 1)
    const sums = await Promise.all(both.map(({ metrics }) => counted(metrics, { outcome: 'duplicate', type: 'sent' })))
    assert.equal(
      sums.reduce((sum, duplicates) => sum + duplicates),
      199,
    )
  })

  it('counts new events and repeats of one request, including repeats within it', async () => {
    const { inbox } = instance()
    await inbox.append([receivedEvent({ id: 'a' })])
    const events = ['a', 'b', 'b', 'c'].map((id) => receivedEvent({ id }))
    assert.deepEqual(await inbox.append(events), { received: 2, duplicates: 2 })
  })

  it('counts all unknown types as one', async () => {
    const { inbox, metrics } = instance()
    await inbox.append(['a', 'b'].map((id) => receivedEvent({ id, type: `made up ${id}` })))
    assert.equal(await counted(metrics, { outcome: 'received', type: 'unknown' }), 2)
  })

  it('sends only IDs, types, times and a domain to Temporal', async () => {
    const { inbox } = instance()
    await inbox.append([receivedEvent({ subject: 'Your secret', payload: '{"ip":"192.0.2.7"}' })])
    await until(() => workflows.signals.length === 1)
    assert.equal(workflows.signals[0]?.recipientDomain, 'example.com')
    assert.doesNotMatch(JSON.stringify(workflows.signals), /ada|secret|192\.0/)
  })

  it('signals every registration of an email as an event', async () => {
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
    await until(() => workflows.signals.flatMap(({ events }) => events).length === 21)
    assert.equal(await db.email.count(), 1)
    assert.equal((await db.email.findFirstOrThrow()).priority, 'critical')
    assert.equal(workflows.signals[0]?.recipientDomain, 'example.com')
  })

  it('claims events that other processes stored, unless they are claimed or quarantined', async () => {
    await store(db, { id: 'due' }, { id: 'quarantined' })
    await unclaimAll(db)
    await db.$executeRaw`UPDATE events SET quarantined_reason = 'broken' WHERE event_id = 'quarantined'`
    await store(db, { id: 'claimed' })
    const { signalled } = instance()
    await until(() => signalled.length > 0)
    await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = 'claimed'`
    await until(() => signalled.length > 1)
    assert.deepEqual(signalled, ['due', 'claimed'])
  })

  it('quarantines an event that Temporal refuses repeatedly, with the reason, without effect on others', async () => {
    const lifecycles = new Lifecycles(await testTemporal())
    const { inbox, metrics, signalled } = instance(lifecycles.emailWorkflows)
    // Temporal accepts workflow IDs of up to 1,000 characters.
    const refused = receivedEvent({ id: randomUUID(), emailId: 'x'.repeat(1_100), type: 'opened' })
    const valid = receivedEvent({ id: randomUUID(), emailId: randomUUID() })
    const rowOfRefused = () => db.event.findFirstOrThrow({ where: { eventId: refused.id } })
    await inbox.append([refused, valid])
    for (let attempt = 1; attempt <= attemptLimit; attempt += 1) {
      await until(async () => (await rowOfRefused()).attempts === attempt)
      if (attempt === attemptLimit) break
      assert.equal((await rowOfRefused()).quarantinedReason, null)
      // It was refused again: the time to the next attempt differs from that of a claim.
      await until(async () => Number((await rowOfRefused()).leaseUntil) < Date.now() + 2 ** attempt * 1_000 + 500)
      await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = ${refused.id}`
    }
    await until(async () => (await rowOfRefused()).quarantinedReason !== null)
    assert.match((await rowOfRefused()).quarantinedReason ?? '', /length/i)
    await until(async () => (await counted(metrics, { outcome: 'quarantined', type: 'opened' })) === 1)
    assert.deepEqual(signalled, [valid.id])
    assert.equal((await rowOfRefused()).attempts, attemptLimit)
    await lifecycles.close()
  })

  it('claims events up to the window, and leaves the others unclaimed until some are applied', async () => {
    const ahead = startInstance(database.url, workflows, 20, 64)
    instances.push(ahead)
    const emails = Array.from({ length: 100 }, (_, n) => receivedEvent({ id: `evt_${n}`, emailId: `em_${n}` }))
    for (const event of emails) await ahead.inbox.append([event])
    await until(() => workflows.signals.length >= 64)
    assert.equal(await db.event.count({ where: { leaseUntil: null } }), 36)
    await db.event.updateMany({
      where: { eventId: { in: ahead.signalled.slice(0, 40) } },
      data: { appliedAt: new Date() },
    })
    await until(() => workflows.signals.length >= 100)
    assert.deepEqual(new Set(ahead.signalled), new Set(emails.map(({ id }) => id)))
  })

  it('signals no further than the window of all instances together', async () => {
    const numbered = (prefix: string) =>
      Array.from({ length: 30 }, (_, n) => receivedEvent({ id: `${prefix}_${n}`, emailId: `${prefix}_${n}` }))
    await insertEvents(db, numbered('of_another_instance'))
    await insertEvents(db, numbered('unclaimed'), () => false)
    const one = startInstance(database.url, workflows, 20, 32)
    instances.push(one)
    await until(() => one.signalled.length >= 2)
    await db.event.updateMany({ where: { eventId: { in: one.signalled } }, data: { appliedAt: new Date() } })
    await until(() => one.signalled.length >= 4)
    assert.equal(await db.event.count({ where: { leaseUntil: null } }), 26)
  })

  it('has stored everything that it acknowledged when it is closed', async () => {
    const closing = instance()
    await closing.inbox.append([receivedEvent({ id: 'evt_1' })])
    await closing.inbox.close()
    assert.equal(await db.event.count(), 1)
    await insertEvents(db, [receivedEvent({ id: 'evt_2' })], () => false)
    const other = instance()
    await until(() => other.signalled.includes('evt_2'))
    assert.ok(!closing.signalled.includes('evt_2'))
  })
})
