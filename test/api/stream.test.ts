import assert from 'node:assert/strict'
import pg from 'pg'
import { createEventStreams } from '../../src/api/event-streams.ts'
import { ringChangeBell } from '../../src/db/changes.ts'
import type { Database } from '../../src/db/database.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { foldEvents, unheardOf } from '../../src/domain/lifecycle.ts'
import { type ChangeFeed, createChangeFeed } from '../../src/live/change-feed.ts'
import { listenForChanges } from '../../src/live/change-listener.ts'
import { store } from '../db/stored.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { EventSourceOfTests } from './event-source.ts'
import { apiKey, problemIn, type Served, serve, wireTo } from './served.ts'

const provider = 'aisend'

describe('live streams', () => {
  let database: TestDatabase
  let db: Database
  let changes: ChangeFeed
  let served: Served
  const open: EventSourceOfTests[] = []

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    const listen = (onRing: () => void) => listenForChanges({ databaseUrl: database.url, log: quietLog, onRing })
    // No look but when the bell rings: what these tests see, they see because of it.
    changes = createChangeFeed({ db, listen, log: quietLog, lookEveryMs: 3_600_000 })
    served = await serve({ db, changes })
  })
  afterEach(async () => {
    for (const source of open.splice(0)) source.close()
    await served.stop()
    await changes.close()
    await db.$executeRaw`TRUNCATE emails, events, escalations, email_changes CASCADE`
  })

  const listen = async (path: string, lastId?: string) => {
    const source = await EventSourceOfTests.open(served.url + path, lastId)
    open.push(source)
    return source
  }
  const addEmail = (id: string, more: object = {}) =>
    db.email.create({ data: { id, provider, status: 'sent', delivery: 'sent', ...more } })
  const change = async (id: string, status: string) => {
    await db.email.update({ where: { id_provider: { id, provider } }, data: { status } })
    await ringChangeBell(db)
  }
  const told = (source: EventSourceOfTests) => source.messages.map(({ data }) => [data.id, data.status])

  it('tell one email as it is, and in full after each change', async () => {
    await store(db, { emailId: 'em_1', id: 'e1', type: 'sent' }, { emailId: 'em_1', id: 'e2', type: 'delivered' })
    await addEmail('em_other')
    const source = await listen('/v1/emails/em_1/stream')
    const [first] = await source.told(1)
    assert.deepEqual([first?.event, first?.data.status], ['email', 'delivered'])
    const event = { id: 'e2', type: 'delivered', occurredAt: 2_000, receivedAt: 2_000 } as const
    const snapshot = foldEvents(unheardOf, [event])
    await saveSnapshot(db, { provider, emailId: 'em_1', snapshot, expectedRevision: 0, eventIds: ['e2'] })
    await change('em_other', 'delivered')
    const [, second] = await source.told(2)
    const answer = await served.call('GET', '/v1/emails/em_1')
    assert.deepEqual(second?.data, await answer.json())
    assert.ok(second?.data.events.some(({ appliedAt }: { appliedAt: string | null }) => appliedAt !== null))
  })

  it('tell of an escalation of the email', async () => {
    await addEmail('em_1')
    const [single, all] = [await listen('/v1/emails/em_1/stream'), await listen('/v1/stream')]
    const facts = { reason: 'stalled', state: 'open', detail: 'silence', openedAt: new Date() }
    await db.escalation.create({ data: { id: 'esc_1', provider, emailId: 'em_1', ...facts } })
    await ringChangeBell(db)
    assert.equal((await single.told(2))[1]?.data.escalations[0].reason, 'stalled')
    assert.equal((await all.told(1))[0]?.data.openEscalations, 1)
  })

  it('tell of all emails those that pass the filter, as they are after the change', async () => {
    await addEmail('em_1', { tags: ['invitation'], to: ['Ada@x.com'] })
    await addEmail('em_2')
    const all = await listen('/v1/stream')
    const invitations = await listen('/v1/stream?status=delivered&tag=invitation')
    await change('em_1', 'sending')
    await all.told(1)
    await change('em_2', 'delivered')
    await all.told(2)
    await change('em_1', 'delivered')
    await all.told(3)
    await invitations.told(1)
    assert.deepEqual(told(all), [
      ['em_1', 'sending'],
      ['em_2', 'delivered'],
      ['em_1', 'delivered'],
    ])
    assert.deepEqual(told(invitations), [['em_1', 'delivered']])
    assert.equal(invitations.messages[0]?.data.to, 'Ada@x.com')
  })

  it('resume where the client was: neither a gap nor a repeat, whatever the order of commits', async () => {
    for (const id of ['slow', 'quick', 'while away']) await addEmail(id)
    const source = await listen('/v1/stream')
    // Numbered before the others, and committed after them.
    const slow = new pg.Client({ connectionString: database.url })
    await slow.connect()
    await slow.query(`BEGIN; UPDATE emails SET status = 'delivered' WHERE id = 'slow'`)
    await change('quick', 'delivered')
    await source.told(1)
    source.close()
    await slow.query('COMMIT')
    await slow.end()
    await change('while away', 'bounced')
    const resumed = await listen('/v1/stream', source.lastId)
    await resumed.told(2)
    await change('quick', 'opened')
    await resumed.told(3)
    assert.deepEqual(told(resumed).toSorted(), [
      ['quick', 'opened'],
      ['slow', 'delivered'],
      ['while away', 'bounced'],
    ])
  })

  it('say that changes were missed when the place is not known any more, or was never one', async () => {
    await addEmail('em_1')
    await db.$executeRaw`UPDATE analytics_state SET pruned_below = pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
    for (const place of ['3:3:', '9:1:', 'what?', '99999999999:99999999999:']) {
      const source = await listen('/v1/stream', place)
      await source.told(1)
      await change('em_1', 'delivered')
      await source.told(2)
      assert.deepEqual(
        source.messages.map(({ event }) => event),
        ['reset', 'email'],
        place,
      )
    }
    await db.$executeRaw`UPDATE analytics_state SET pruned_below = 0`
  })

  it('name the place that was reached when there is nothing to tell', async () => {
    await served.stop()
    served = await serve({ db, changes, streams: createEventStreams({ heartbeatMs: 20 }) })
    await addEmail('em_1')
    const source = await listen('/v1/stream?status=complained')
    await until(() => source.lastId !== '')
    const before = source.lastId
    await change('em_1', 'delivered')
    await until(() => source.lastId !== before)
    assert.deepEqual(source.messages, [])
  })

  it('are as many as may be, and one more when a client has left', async () => {
    await served.stop()
    served = await serve({ db, changes, streams: createEventStreams({ limit: 1 }) })
    const source = await listen('/v1/stream')
    const refused = await served.call('GET', '/v1/stream')
    assert.equal((await problemIn(refused)).status, 503)
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
    source.close()
    await until(
      async () =>
        (await EventSourceOfTests.open(`${served.url}/v1/stream`).then(
          (it) => open.push(it),
          () => 0,
        )) > 0,
    )
  })

  it('are cut off for a client that does not read, and for no other', async () => {
    await served.stop()
    served = await serve({ db, changes, streams: createEventStreams({ unreadLimitBytes: 300_000, limit: 2 }) })
    const data = Array.from({ length: 2_000 }, (_, n) => ({ id: `em_${n}`, provider, subject: 'long '.repeat(100) }))
    await db.email.createMany({ data })
    const reading = await listen('/v1/stream')
    const { socket, closed } = wireTo(served.port)
    socket.write(`GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    let rounds = 0
    await until(async () => {
      rounds += 1
      await db.$executeRaw`UPDATE emails SET updated_at = now()`
      await ringChangeBell(db)
      await reading.told(rounds * data.length)
      const third = await served.call('GET', '/v1/stream')
      await third.body?.cancel()
      return third.status === 200
    })
    socket.resume()
    await closed
    assert.equal(reading.isEnded, false)
  })

  it('end when the server stops, without holding it up', async () => {
    await addEmail('em_1')
    const sources = [await listen('/v1/stream'), await listen('/v1/emails/em_1/stream')]
    const startedAt = performance.now()
    await served.api.close({ graceMs: 30_000 })
    assert.ok(performance.now() - startedAt < 5_000)
    await until(() => sources.every(({ isEnded }) => isEnded))
  })

  it('are only described to who asks for their head', async () => {
    await served.stop()
    served = await serve({ db, changes, streams: createEventStreams({ limit: 1 }) })
    for (let n = 0; n < 3; n++) {
      const head = await served.call('HEAD', '/v1/stream')
      assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'])
    }
    await listen('/v1/stream')
  })

  it('want a key, an email that somebody has heard of, and a filter that makes sense', async () => {
    assert.equal((await fetch(`${served.url}/v1/stream`)).status, 401)
    assert.equal((await served.call('GET', '/v1/emails/nobody/stream')).status, 404)
    assert.equal((await served.call('GET', '/v1/stream?status=lost')).status, 400)
  })

  it('are refused while the database is away', async () => {
    const alone = await serve()
    const problem = await problemIn(await alone.call('GET', '/v1/stream'))
    assert.equal(problem.status, 503)
    await alone.stop()
  })
})
