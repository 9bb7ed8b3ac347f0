import assert from 'node:assert/strict'
import { type ReceivedEvent, unreadableEventType } from '../../src/domain/events.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

type Row = { id: string; state: string; known: boolean; quarantinedReason: string | null } & Record<string, unknown>
type Page = { data: Row[]; nextCursor: string | null }

describe('/v1/events', () => {
  const { db } = useDatabase('events')
  const served = useApi(() => ({ db }))

  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await served.call(method, path, body)
    assert.equal(response.status, 200, path)
    return (await response.json()) as T
  }
  const list = (query: string) => json<Page>('GET', `/v1/events?${query}`)
  const ids = async (query: string) => (await list(query)).data.map(({ id }) => id)
  const replay = (body: unknown) =>
    json<{ replayed: number; skipped: number; missing: number; nextCursor: string | null }>(
      'POST',
      '/v1/events/replay',
      body,
    )

  const add = async (id: string, state: string, parts: Partial<ReceivedEvent> = {}) => {
    await store(db, { id, ...parts })
    const quarantinedReason = state === 'applied' || state === 'pending' ? null : state
    await db.event.updateMany({
      where: { provider: parts.provider ?? 'aisend', eventId: id },
      data: {
        appliedAt: state === 'applied' ? new Date() : null,
        quarantinedReason,
        attempts: quarantinedReason === null ? 0 : 10,
        leaseUntil: new Date(Date.now() + 3_600_000),
      },
    })
  }
  const addOneOfEach = async () => {
    await add('a', 'applied', { receivedAt: 1_000 })
    await add('p', 'pending', { receivedAt: 2_000 })
    await add('q', 'SQLSTATE 22003', { receivedAt: 3_000 })
    await add('u', 'applied', { receivedAt: 4_000, type: 'email.teleported' })
  }
  const due = async () => {
    const rows = await db.event.findMany({ where: { leaseUntil: null }, orderBy: { eventId: 'asc' } })
    return rows.map(({ eventId, quarantinedReason, attempts }) => [eventId, quarantinedReason, attempts])
  }

  it('lists events newest first, by state, and marks unknown types', async () => {
    await addOneOfEach()
    assert.deepEqual(await ids(''), ['u', 'q', 'p', 'a'])
    assert.deepEqual(await ids('state=pending'), ['p'])
    assert.deepEqual(await ids('state=quarantined'), ['q'])
    assert.deepEqual(await ids('state=applied'), ['u', 'a'])
    assert.deepEqual(await ids('state=unknown'), ['u'])
    const { data } = await list('')
    assert.deepEqual(
      data.map(({ state, known }) => [state, known]),
      [
        ['applied', false],
        ['quarantined', true],
        ['pending', true],
        ['applied', true],
      ],
    )
  })

  it('filters by provider, type, reason and time of receipt', async () => {
    await addOneOfEach()
    await add('other', 'pending', { receivedAt: 2_500, provider: 'other', type: 'opened' })
    assert.deepEqual(await ids('provider=other'), ['other'])
    assert.deepEqual(await ids('state=pending&type=sent'), ['p'])
    assert.deepEqual(await ids('reason=22003'), ['q'])
    assert.deepEqual(await ids('from=1970-01-01T00:00:02Z&to=1970-01-01T02:00:03%2B02:00'), ['other', 'p'])
  })

  it('never includes an address, a subject or the payload in a list', async () => {
    await add('q', 'no', { subject: 'A secret', payload: '{"secret":1}' })
    assert.doesNotMatch(JSON.stringify(await list('')), /ada@|secret/)
  })

  it('pages without gap or repeat, even with equal times', async () => {
    for (let n = 0; n < 25; n++) await add(`e${n}`, ['applied', 'pending', 'no'][n % 3] ?? '', { receivedAt: 1_000 })
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const { data, nextCursor } = await list(`limit=4${cursor}`)
      seen.push(...data.map(({ id }) => id))
      if (nextCursor === null) break
      cursor = `&cursor=${nextCursor}`
    }
    assert.deepEqual([seen.length, new Set(seen).size], [25, 25])
  })

  it('returns one event with its payload, whatever its ID contains', async () => {
    await add('mail/4%2/ü?', 'no', { payload: '{"type":"sent","data":[1]}' })
    const event = await json<Row>('GET', `/v1/events/aisend/${encodeURIComponent('mail/4%2/ü?')}`)
    assert.deepEqual(event['payload'], { type: 'sent', data: [1] })
    assert.deepEqual(
      [event.state, event.quarantinedReason, event['recipient']],
      ['quarantined', 'no', 'ada@example.com'],
    )
    const missing = await served.call('GET', '/v1/events/aisend/none')
    assert.equal(missing.status, 404)
    await problemIn(missing)
  })

  it('replays events by ID, but never an applied one', async () => {
    await addOneOfEach()
    const events = ['a', 'p', 'q', 'q', 'none'].map((id) => ({ provider: 'aisend', id }))
    assert.deepEqual(await replay({ events }), { replayed: 2, skipped: 1, missing: 1, nextCursor: null })
    assert.deepEqual(await due(), [
      ['p', null, 0],
      ['q', null, 0],
    ])
  })

  it('replays quarantined events by filter, a page at a time, oldest first', async () => {
    await addOneOfEach()
    for (let n = 0; n < 5; n++) await add(`r${n}`, n === 4 ? 'other' : 'SQLSTATE 22003', { receivedAt: 5_000 + n })
    const filter = { reason: '22003', from: '1970-01-01T00:00:05Z' }
    const first = await replay({ filter, limit: 3 })
    assert.equal(first.replayed, 3)
    assert.deepEqual(
      (await due()).map(([id]) => id),
      ['r0', 'r1', 'r2'],
    )
    // An event that fails again is not replayed twice.
    await db.event.updateMany({ where: { eventId: 'r0' }, data: { quarantinedReason: 'SQLSTATE 22003 again' } })
    assert.deepEqual(await replay({ filter, limit: 3, cursor: first.nextCursor }), {
      ...{ replayed: 1, skipped: 0, missing: 0, nextCursor: null },
    })
    assert.deepEqual(await ids('state=quarantined'), ['r4', 'r0', 'q'])
  })

  it('does not replay unreadable events, which would fail again', async () => {
    await add('bad', 'the event has no ID', { type: unreadableEventType, emailId: '' })
    const named = await replay({ events: [{ provider: 'aisend', id: 'bad' }] })
    assert.deepEqual(named, { replayed: 0, skipped: 1, missing: 0, nextCursor: null })
    assert.equal((await replay({ filter: {} })).replayed, 0)
    assert.deepEqual(await due(), [])
  })

  it('answers 400 to invalid requests', async () => {
    const events = Array.from({ length: 1_001 }, (_, n) => ({ provider: 'aisend', id: `${n}` }))
    for (const body of [
      {},
      { events: [] },
      { events },
      { events: ['a'] },
      { filter: { quarantined: false } },
      { filter: {}, limit: 0 },
    ]) {
      assert.equal(
        (await served.call('POST', '/v1/events/replay', body)).status,
        400,
        JSON.stringify(body).slice(0, 60),
      )
    }
    for (const query of ['state=lost', 'from=yesterday', 'to=0000-01-01T00:00:00Z', 'cursor=e30', 'limit=0']) {
      assert.equal((await served.call('GET', `/v1/events?${query}`)).status, 400, query)
    }
  })
})
