import assert from 'node:assert/strict'
import { judgeChangedEngagements } from '../../src/activities/judge-engagements.ts'
import { readSummary } from '../../src/db/analytics.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { evidenceIn } from '../../src/providers/engagement-evidence.ts'
import { rowOf, store } from '../db/stored.ts'
import { ownTemplate, useDatabase } from '../stack.ts'

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
  it('is empty if there is none, or no JSON', () => {
    for (const payload of ['{}', '[]', 'null', '7', 'erased']) {
      assert.deepEqual(evidenceIn(payload), { userAgent: null, address: null, link: null })
    }
  })
})

describe('judging opens and clicks again', () => {
  const { db } = useDatabase('', ownTemplate)
  const email = { provider: 'aisend', emailId: 'em_1' }
  const start = Date.UTC(2026, 0, 1)
  const person = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0'

  /** Stores and applies an event, on top of those before it. */
  async function apply(before: LifecycleEvent[], event: LifecycleEvent, payload: object = { user_agent: person }) {
    await store(db, rowOf(email, event, { payload: JSON.stringify(payload) }))
    const snapshot = foldEvents(emptySnapshot, [...before, event])
    const save = { ...email, snapshot, expectedRevision: before.length, eventIds: [event.id] }
    assert.ok(await saveSnapshot(db, save))
    return [...before, event]
  }
  const judge = () => judgeChangedEngagements(db)
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

  it('marks machine opens by the email’s other events, and removes the mark when later events contradict it', async () => {
    const at = (ms: number) => ({ occurredAt: start + ms, receivedAt: start + ms })
    let events = await apply([], { id: 'delivered', type: 'delivered', ...at(10_000) })
    events = await apply(events, { id: 'quick', type: 'opened', human: true, ...at(10_500) })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
    await judge()
    assert.deepEqual(await reasons(), { quick: 'too_soon' })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 0 })
    events = await apply(events, { id: 'earlier', type: 'delivered', ...at(0) })
    await judge()
    assert.deepEqual(await reasons(), { quick: null })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
    events = await apply(
      events,
      { id: 'proxy', type: 'opened', human: false, ...at(60_000) },
      { userAgent: 'Mozilla/5.0' },
    )
    await judge()
    assert.deepEqual(await reasons(), { proxy: 'privacy_proxy', quick: null })
    assert.deepEqual(await human(), { opened: 1, openedByHuman: 1 })
  })

  it('changes nothing when no event has changed, and keeps its verdicts when payloads are erased', async () => {
    await db.$executeRaw`UPDATE events SET payload = '{}'`
    await db.$executeRaw`UPDATE emails SET updated_at = updated_at`
    const before = await reasons()
    await judge()
    assert.deepEqual(await reasons(), before)
    const version = () => db.$queryRaw`SELECT event_id, xmin::text FROM events ORDER BY event_id`
    const rows = await version()
    await db.$executeRaw`UPDATE emails SET updated_at = updated_at`
    await judge()
    assert.deepEqual(await version(), rows)
  })

  it('continues where it stopped, and with changes that were not committed then', async () => {
    const opens = async (id: string) => {
      const [receivedAt, opened] = [Date.now(), { provider: 'aisend', emailId: id }]
      const event = { id: `open of ${id}`, type: 'opened', human: true, occurredAt: receivedAt, receivedAt } as const
      await store(db, rowOf(opened, event, { payload: '{"user_agent":"curl/8"}' }))
      const snapshot = foldEvents(emptySnapshot, [event])
      assert.ok(await saveSnapshot(db, { ...opened, snapshot, expectedRevision: 0, eventIds: [event.id] }))
    }
    const judged = async () =>
      (await db.email.findMany({ where: { opensJudgedMachine: 1 }, orderBy: { id: 'asc' } })).map(({ id }) => id)
    const open = await db.pool.connect()
    try {
      await open.query('BEGIN')
      await open.query("UPDATE emails SET updated_at = now() WHERE id = 'em_1'")
      await opens('first')
      // One transaction each, as with saves.
      await db.pool.query(`DO $$ BEGIN FOR n IN 1..600 LOOP
        INSERT INTO emails (id, provider) VALUES ('silent_' || n, 'aisend'); COMMIT; END LOOP; END $$`)
      await opens('last')
      const before = await judged()
      await judgeChangedEngagements(db, () => false)
      assert.deepEqual(await judged(), [...before, 'first'].sort())
      await open.query('COMMIT')
    } finally {
      open.release()
    }
    const { judgedPlace } = await db.analyticsState.findUniqueOrThrow({ where: { id: 1 } })
    await judgeChangedEngagements(db, () => false)
    await judgeChangedEngagements(db, () => false)
    assert.ok((await judged()).includes('last'))
    assert.notEqual((await db.analyticsState.findUniqueOrThrow({ where: { id: 1 } })).judgedPlace, judgedPlace)
  })
})
