import assert from 'node:assert/strict'
import { isChangeCursor, notifyChanges } from '../../src/db/changes.ts'
import { type ChangedEmail, type ChangeFeed, createChangeFeed } from '../../src/live/change-feed.ts'
import { listenForChanges } from '../../src/live/change-listener.ts'
import { createChangeNotifier } from '../../src/live/change-notifier.ts'
import { quietLog } from '../quiet.ts'
import { emptyTables, useDatabase } from '../stack.ts'
import { until } from '../until.ts'

const never = 3_600_000

describe('the change feed', () => {
  const database = useDatabase()
  const { db } = database
  const feeds: ChangeFeed[] = []
  afterEach(async () => {
    await Promise.all(feeds.splice(0).map((feed) => feed.close()))
    await emptyTables(db, 'emails, email_changes')
  })

  function feed(pollEveryMs = never, isListening = true): ChangeFeed {
    const listen = (onNotification: () => void) =>
      isListening
        ? listenForChanges({ databaseUrl: database.url, log: quietLog, onNotification, retryEveryMs: 10 })
        : { close: async () => {} }
    const made = createChangeFeed({ db, listen, log: quietLog, pollEveryMs })
    feeds.push(made)
    return made
  }
  const add = (id: string) => db.email.create({ data: { id, provider: 'aisend' } })

  /** What a feed delivers from now on. */
  async function receivedFrom(it: ChangeFeed): Promise<ChangedEmail[]> {
    const received: ChangedEmail[] = []
    await it.subscribe({}, ({ emails }) => void received.push(...emails))
    return received
  }

  it('delivers a change to every instance after one notification', async () => {
    const [one, other] = [await receivedFrom(feed()), await receivedFrom(feed())]
    await add('em_1')
    await notifyChanges(db)
    await until(() => one.length === 1 && other.length === 1)
  })

  it('delivers every change of many writers once, in whatever order they commit', async () => {
    const received = await receivedFrom(feed())
    const ids = Array.from({ length: 300 }, (_, n) => `em_${n}`)
    await Promise.all(
      ids.map(async (id) => {
        await add(id)
        await notifyChanges(db)
      }),
    )
    await until(() => received.length >= ids.length)
    assert.deepEqual(received.map(({ id }) => id).toSorted(), ids.toSorted())
  })

  it('reconnects after its connection was lost, and delivers what it missed', async () => {
    const received = await receivedFrom(feed())
    const listeners = () =>
      db.$queryRaw<{ pid: number }[]>`
        SELECT pid FROM pg_stat_activity WHERE application_name = 'aftersend listener' AND datname = current_database()`
    await until(async () => (await listeners()).length === 1)
    const [before] = await listeners()
    await db.$executeRaw`SELECT pg_terminate_backend(${before?.pid}::int)`
    await add('em_1')
    await until(() => received.length === 1)
  })

  it('delivers a change whose writer sent no notification', async () => {
    const received = await receivedFrom(feed(50, false))
    await add('em_1')
    await until(() => received.length === 1)
  })

  it('starts at a new subscription after a time without subscribers', async () => {
    const it = feed()
    const { end } = await it.subscribe({}, () => {})
    end()
    await add('before')
    const received = await receivedFrom(it)
    await add('after')
    await notifyChanges(db)
    await until(() => received.length > 0)
    assert.deepEqual(
      received.map(({ id }) => id),
      ['after'],
    )
  })

  it('rejects cursors that PostgreSQL would reject', () => {
    for (const cursor of ['5:5:', '5:9:5,7,8', '1:9223372036854775807:']) assert.ok(isChangeCursor(cursor), cursor)
    const wrong = [
      '',
      '5',
      '9:5:',
      '5:9:9',
      '5:9:4',
      '5:9:7,6',
      '5:9:7,',
      '0:1:',
      '1:9223372036854775808:',
      `1:2:${'1,'.repeat(9_999)}1`,
    ]
    for (const cursor of wrong) assert.ok(!isChangeCursor(cursor), cursor)
  })
})

describe('the change notifier', () => {
  it('notifies at once, and once more for all calls in the meantime', async () => {
    let notifications = 0
    const changeNotifier = createChangeNotifier(async () => {
      notifications += 1
    })
    changeNotifier.notify()
    assert.equal(notifications, 1)
    for (let n = 0; n < 100; n++) changeNotifier.notify()
    await changeNotifier.close()
    assert.equal(notifications, 2)
  })

  it('continues after a notification that failed', async () => {
    let notifications = 0
    const changeNotifier = createChangeNotifier(async () => {
      notifications += 1
      throw new Error('away')
    })
    changeNotifier.notify()
    await changeNotifier.close()
    changeNotifier.notify()
    await changeNotifier.close()
    assert.equal(notifications, 2)
  })
})
