import assert from 'node:assert/strict'
import pg from 'pg'
import { notifyChanges } from '../../src/db/changes.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { createEventStreams } from '../../src/http/event-streams.ts'
import { type ChangeFeed, createChangeFeed } from '../../src/live/change-feed.ts'
import { listenForChanges } from '../../src/live/change-listener.ts'
import { store } from '../db/stored.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { EventSourceOfTests } from './event-source.ts'
import { apiKey, problemIn, serve, useApi, wireTo } from './served.ts'

const provider = 'aisend'

describe('live streams', () => {
  const database = useDatabase('emails, events, escalations, email_changes')
  const { db } = database
  let changes: ChangeFeed
  const open: EventSourceOfTests[] = []
  beforeEach(async () => {
    const listen = (onNotification: () => void) =>
      listenForChanges({ databaseUrl: database.url, log: quietLog, onNotification })
    // Without polling: these tests see a change only because of its notification.
    changes = createChangeFeed({ db, listen, log: quietLog, pollEveryMs: 3_600_000 })
  })
  const served = useApi(() => ({ db, changes }))
  afterEach(async () => {
    for (const source of open.splice(0)) source.close()
    await changes.close()
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
    await notifyChanges(db)
  }
  const statusesOf = (source: EventSourceOfTests) => source.messages.map(({ data }) => [data.id, data.status])

  it('send the current state of one email, and all of it after each change', async () => {
    await store(db, { emailId: 'em_1', id: 'e1', type: 'sent' }, { emailId: 'em_1', id: 'e2', type: 'delivered' })
    await addEmail('em_other')
    const source = await listen('/v1/emails/em_1/stream')
    const [first] = await source.received(1)
    assert.deepEqual([first?.event, first?.data.status], ['email', 'delivered'])
    const event = { id: 'e2', type: 'delivered', occurredAt: 2_000, receivedAt: 2_000 } as const
    const snapshot = foldEvents(emptySnapshot, [event])
    await saveSnapshot(db, { provider, emailId: 'em_1', snapshot, expectedRevision: 0, eventIds: ['e2'] })
    await change('em_other', 'delivered')
    const [, second] = await source.received(2)
    const answer = await served.call('GET', '/v1/emails/em_1')
    assert.deepEqual(second?.data, await answer.json())
    assert.ok(second?.data.events.some(({ appliedAt }: { appliedAt: string | null }) => appliedAt !== null))
  })

  it('report escalations of the email', async () => {
    await addEmail('em_1')
    const [single, all] = [await listen('/v1/emails/em_1/stream'), await listen('/v1/stream')]
    const facts = { reason: 'stalled', state: 'open', detail: 'silence', openedAt: new Date() }
    await db.escalation.create({ data: { id: 'esc_1', provider, emailId: 'em_1', ...facts } })
    await notifyChanges(db)
    assert.equal((await single.received(2))[1]?.data.escalations[0].reason, 'stalled')
    assert.equal((await all.received(1))[0]?.data.openEscalations, 1)
  })

  it('send those of all emails that match the filter after the change', async () => {
    await addEmail('em_1', { tags: ['invitation'], to: ['Ada@x.com'] })
    await addEmail('em_2')
    const all = await listen('/v1/stream')
    const invitations = await listen('/v1/stream?status=delivered&tag=invitation')
    await change('em_1', 'sending')
    await all.received(1)
    await change('em_2', 'delivered')
    await all.received(2)
    await change('em_1', 'delivered')
    await all.received(3)
    await invitations.received(1)
    assert.deepEqual(statusesOf(all), [
      ['em_1', 'sending'],
      ['em_2', 'delivered'],
      ['em_1', 'delivered'],
    ])
    assert.deepEqual(statusesOf(invitations), [['em_1', 'delivered']])
    assert.equal(invitations.messages[0]?.data.to, 'Ada@x.com')
  })

  it('resume after the last event without gap or repeat, whatever the order of commits', async () => {
    for (const id of ['slow', 'quick', 'while offline']) await addEmail(id)
    const source = await listen('/v1/stream')
    // Its transaction has a lower number than the others, and commits after them.
    const slow = new pg.Client({ connectionString: database.url })
    await slow.connect()
    await slow.query(`BEGIN; UPDATE emails SET status = 'delivered' WHERE id = 'slow'`)
    await change('quick', 'delivered')
    await source.received(1)
    source.close()
    await slow.query('COMMIT')
    await slow.end()
    await change('while offline', 'bounced')
    const resumed = await listen('/v1/stream', source.lastId)
    await resumed.received(2)
    await change('quick', 'opened')
    await resumed.received(3)
    assert.deepEqual(statusesOf(resumed).toSorted(), [
      ['quick', 'opened'],
      ['slow', 'delivered'],
      ['while offline', 'bounced'],
    ])
  })

  it('send a reset when the position is too old or not valid', async () => {
    await addEmail('em_1')
    await db.$executeRaw`UPDATE analytics_state SET pruned_below = pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
    for (const cursor of ['3:3:', '9:1:', 'what?', '99999999999:99999999999:']) {
      const source = await listen('/v1/stream', cursor)
      await source.received(1)
      await change('em_1', 'delivered')
      await source.received(2)
      assert.deepEqual(
        source.messages.map(({ event }) => event),
        ['reset', 'email'],
        cursor,
      )
    }
    await db.$executeRaw`UPDATE analytics_state SET pruned_below = 0`
  })

  it('send the new position when no change matches', async () => {
    await served.restart({ streams: createEventStreams({ heartbeatMs: 20 }) })
    await addEmail('em_1')
    const source = await listen('/v1/stream?status=complained')
    await until(() => source.lastId !== '')
    const before = source.lastId
    await change('em_1', 'delivered')
    await until(() => source.lastId !== before)
    assert.deepEqual(source.messages, [])
  })

  it('are limited, and a client that leaves makes room for another', async () => {
    await served.restart({ streams: createEventStreams({ limit: 1 }) })
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

  it('disconnect a client that does not read, and no other', async () => {
    await served.restart({ streams: createEventStreams({ unreadLimitBytes: 300_000, limit: 2 }) })
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
      await notifyChanges(db)
      await reading.received(rounds * data.length)
      const third = await served.call('GET', '/v1/stream')
      await third.body?.cancel()
      return third.status === 200
    })
    socket.resume()
    await closed
    assert.equal(reading.isEnded, false)
  })

  it('end when the server stops, without delaying it', async () => {
    await addEmail('em_1')
    const sources = [await listen('/v1/stream'), await listen('/v1/emails/em_1/stream')]
    const startedAt = performance.now()
    await served.api.close({ graceMs: 30_000 })
    assert.ok(performance.now() - startedAt < 5_000)
    await until(() => sources.every(({ isEnded }) => isEnded))
  })

  it('answer HEAD without opening a stream', async () => {
    await served.restart({ streams: createEventStreams({ limit: 1 }) })
    for (let n = 0; n < 3; n++) {
      const head = await served.call('HEAD', '/v1/stream')
      assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'])
    }
    await listen('/v1/stream')
  })

  it('require a key, a known email and a valid filter', async () => {
    assert.equal((await fetch(`${served.url}/v1/stream`)).status, 401)
    assert.equal((await served.call('GET', '/v1/emails/nobody/stream')).status, 404)
    assert.equal((await served.call('GET', '/v1/stream?status=lost')).status, 400)
  })

  it('are refused with 503 while the database does not answer', async () => {
    const alone = await serve()
    const problem = await problemIn(await alone.call('GET', '/v1/stream'))
    assert.equal(problem.status, 503)
    await alone.stop()
  })
})
