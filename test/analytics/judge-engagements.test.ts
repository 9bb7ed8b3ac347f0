import assert from 'node:assert/strict'
import { evidenceIn } from '../../src/analytics/engagement-evidence.ts'
import { judgeChangedEngagements } from '../../src/analytics/judge-engagements.ts'
import { readSummary } from '../../src/db/analytics.ts'
import type { Database } from '../../src/db/database.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { foldEvents, unheardOf } from '../../src/domain/lifecycle.ts'
import { rowOf, store } from '../db/stored.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

describe('evidence in a payload', () => {
  const agent = 'Mozilla/5.0 (X11)'
  const payloads = {
    'one of AISend': {
      type: 'email.clicked',
      data: { click: { user_agent: agent, ip_address: '1.2.3.4', link: '/x' } },
    },
    'one of Postmark': { RecordType: 'Click', UserAgent: agent, IP: '1.2.3.4', OriginalLink: '/x' },
    'one of Mailgun': { 'event-data': { 'client-info': { 'user-agent': agent }, ip: '1.2.3.4', url: '/x' } },
  }
  for (const [name, payload] of Object.entries(payloads)) {
    it(`is found in ${name}`, () => {
      assert.deepEqual(evidenceIn(JSON.stringify(payload)), { userAgent: agent, address: '1.2.3.4', link: '/x' })
    })
  }
  it('is nothing where there is none, or no JSON', () => {
    for (const payload of ['{}', '[]', 'null', '7', 'erased']) {
      assert.deepEqual(evidenceIn(payload), { userAgent: null, address: null, link: null })
    }
  })
})

describe('the second look', () => {
  let database: TestDatabase
  let db: Database
  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())

  const email = { provider: 'aisend', emailId: 'em_1' }
  const start = Date.UTC(2026, 0, 1)
  const person = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0'

  /** Stores and applies an event, on top of those before it. */
  async function hear(before: LifecycleEvent[], event: LifecycleEvent, payload: object = { user_agent: person }) {
    await store(db, rowOf(email, event, { payload: JSON.stringify(payload) }))
    const snapshot = foldEvents(unheardOf, [...before, event])
    const save = { ...email, snapshot, expectedRevision: before.length, eventIds: [event.id] }
    assert.ok(await saveSnapshot(db, save))
    return [...before, event]
  }
  const look = () => judgeChangedEngagements(db, () => {})
  const human = async () => {
    const hourMs = 3_600_000
    const now = Math.floor(Date.now() / hourMs) * hourMs
    const { opened, openedByHuman } = await readSummary(db, { from: new Date(now), to: new Date(now + hourMs) }, {})
    return { opened, openedByHuman }
  }
  const reasons = async () =>
    Object.fromEntries(
      (await db.event.findMany({ orderBy: { eventId: 'asc' } }))
        .filter(({ type }) => type === 'opened')
        .map(({ eventId, machineReason }) => [eventId, machineReason]),
    )

  it('marks what an email’s other events give away, and takes it back when they say otherwise', async () => {
    const at = (ms: number) => ({ occurredAt: start + ms, receivedAt: start + ms })
    let heard = await hear([], { id: 'delivered', type: 'delivered', ...at(10_000) })
    heard = await hear(heard, { id: 'quick', type: 'opened', human: true, ...at(10_500) })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
    await look()
    assert.deepEqual(await reasons(), { quick: 'too_soon' })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 0 })
    heard = await hear(heard, { id: 'earlier', type: 'delivered', ...at(0) })
    await look()
    assert.deepEqual(await reasons(), { quick: null })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
    heard = await hear(
      heard,
      { id: 'proxy', type: 'opened', human: false, ...at(60_000) },
      { userAgent: 'Mozilla/5.0' },
    )
    await look()
    assert.deepEqual(await reasons(), { proxy: 'privacy_proxy', quick: null })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
  })

  it('changes nothing when nothing has changed, and keeps its word when payloads are deleted', async () => {
    await db.$executeRaw`UPDATE events SET payload = '{}'`
    await db.$executeRaw`UPDATE emails SET updated_at = updated_at`
    const before = await reasons()
    await look()
    assert.deepEqual(await reasons(), before)
    const version = () => db.$queryRaw`SELECT event_id, xmin::text FROM events ORDER BY event_id`
    const rows = await version()
    await db.$executeRaw`UPDATE emails SET updated_at = updated_at`
    await look()
    assert.deepEqual(await version(), rows)
  })
})
