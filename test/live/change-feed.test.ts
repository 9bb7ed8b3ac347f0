import assert from 'node:assert/strict'
import { isChangePlace, ringChangeBell } from '../../src/db/changes.ts'
import type { Database } from '../../src/db/database.ts'
import { createChangeBell } from '../../src/live/change-bell.ts'
import { type ChangedEmail, type ChangeFeed, createChangeFeed } from '../../src/live/change-feed.ts'
import { listenForChanges } from '../../src/live/change-listener.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'

const never = 3_600_000

describe('the change feed', () => {
  let database: TestDatabase
  let db: Database
  const feeds: ChangeFeed[] = []

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  afterEach(async () => {
    await Promise.all(feeds.splice(0).map((feed) => feed.close()))
    await db.$executeRaw`TRUNCATE emails, email_changes`
  })

  function feed(lookEveryMs = never, isDeaf = false): ChangeFeed {
    const listen = (onRing: () => void) =>
      isDeaf
        ? { close: async () => {} }
        : listenForChanges({ databaseUrl: database.url, log: quietLog, onRing, retryEveryMs: 10 })
    const made = createChangeFeed({ db, listen, log: quietLog, lookEveryMs })
    feeds.push(made)
    return made
  }
  const add = (id: string) => db.email.create({ data: { id, provider: 'aisend' } })

  /** What a feed tells from now on. */
  async function heardOn(it: ChangeFeed): Promise<ChangedEmail[]> {
    const heard: ChangedEmail[] = []
    await it.subscribe({}, ({ emails }) => void heard.push(...emails))
    return heard
  }

  it('tells every instance of a change that one of them rings for', async () => {
    const [one, other] = [await heardOn(feed()), await heardOn(feed())]
    await add('em_1')
    await ringChangeBell(db)
    await until(() => one.length === 1 && other.length === 1)
  })

  it('tells every change of many writers once, though they commit in any order', async () => {
    const heard = await heardOn(feed())
    const ids = Array.from({ length: 300 }, (_, n) => `em_${n}`)
    await Promise.all(
      ids.map(async (id) => {
        await add(id)
        await ringChangeBell(db)
      }),
    )
    await until(() => heard.length >= ids.length)
    assert.deepEqual(heard.map(({ id }) => id).toSorted(), ids.toSorted())
  })

  it('hears again after its connection was lost, and of what it missed', async () => {
    const heard = await heardOn(feed())
    const listeners = () =>
      db.$queryRaw<{ pid: number }[]>`
        SELECT pid FROM pg_stat_activity WHERE application_name = 'aftersend listener' AND datname = current_database()`
    await until(async () => (await listeners()).length === 1)
    const [before] = await listeners()
    await db.$executeRaw`SELECT pg_terminate_backend(${before?.pid}::int)`
    await add('em_1')
    await until(() => heard.length === 1)
  })

  it('finds a change whose writer never rang', async () => {
    const heard = await heardOn(feed(50, true))
    await add('em_1')
    await until(() => heard.length === 1)
  })

  it('begins for who comes after nobody listened where that one begins', async () => {
    const it = feed()
    const { end } = await it.subscribe({}, () => {})
    end()
    await add('before')
    const heard = await heardOn(it)
    await add('after')
    await ringChangeBell(db)
    await until(() => heard.length > 0)
    assert.deepEqual(
      heard.map(({ id }) => id),
      ['after'],
    )
  })

  it('refuses places that PostgreSQL would refuse', () => {
    for (const place of ['5:5:', '5:9:5,7,8', '1:9223372036854775807:']) assert.ok(isChangePlace(place), place)
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
    for (const place of wrong) assert.ok(!isChangePlace(place), place)
  })
})

describe('the change bell', () => {
  it('rings at once, and once more for all that came meanwhile', async () => {
    let rings = 0
    const bell = createChangeBell(async () => {
      rings += 1
    })
    bell.ring()
    assert.equal(rings, 1)
    for (let n = 0; n < 100; n++) bell.ring()
    await bell.close()
    assert.equal(rings, 2)
  })

  it('goes on after a ring that failed', async () => {
    let rings = 0
    const bell = createChangeBell(async () => {
      rings += 1
      throw new Error('away')
    })
    bell.ring()
    await bell.close()
    bell.ring()
    await bell.close()
    assert.equal(rings, 2)
  })
})
