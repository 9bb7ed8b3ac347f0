import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createSteadyClock } from '../../src/api/steady-clock.ts'
import type { Database } from '../../src/db/database.ts'
import { isAllApplied, Lifecycles, opensCounted, opensOf, SilentLives, startInstance } from '../inbox/instance.ts'
import { testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { Living, stallAfter } from '../workflows/living.ts'

const hourMs = 3_600_000
const stallAfterMs = 3_000

describe("faults: the API's clock is set back an hour", () => {
  let living: Living
  let stepMs = 0
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  it('an email that is heard of before and after is told as stalled when it is, and once', async () => {
    const receivedAt = createSteadyClock(() => Date.now() + stepMs)
    const email = living.email(stallAfter(stallAfterMs))
    const [first, startedAt] = [email.event('queued', { receivedAt: receivedAt() }), Date.now()]
    await email.hear(first)
    stepMs = -hourMs
    await email.hear(email.event('sent', { receivedAt: receivedAt(), occurredAt: Date.now() - hourMs }))
    assert.deepEqual(await email.escalations(), [])
    const { openedAt } = await email.escalated('stalled', 'open')
    await until(() => email.notices().length > 0)
    const lateMs = openedAt.getTime() - startedAt - stallAfterMs
    console.log(`      told ${lateMs} ms after its deadline`)
    assert.ok(lateMs >= -100)
    await email.hear(email.event('delivered', { receivedAt: receivedAt() }))
    await email.escalated('stalled', 'resolved')
    assert.equal(email.notices().length, 1)
  })
})

/** For connections made from now on: `now()` is another function, found before PostgreSQL's own. */
async function setBackAnHour(db: Database): Promise<void> {
  await db.$executeRaw`CREATE SCHEMA set_back`
  await db.$executeRaw`
    CREATE FUNCTION set_back.now() RETURNS timestamptz STABLE LANGUAGE sql
    AS $$ SELECT pg_catalog.now() - interval '1 hour' $$`
  const [row] = await db.$queryRaw<{ name: string }[]>`SELECT current_database() AS name`
  await db.$executeRawUnsafe(`ALTER DATABASE ${row?.name} SET search_path = set_back, pg_catalog, public`)
}

describe("faults: PostgreSQL's clock is set back an hour", () => {
  it('what an API was about to signal at that moment is swept within seconds, and counted once', async () => {
    const database = await testDatabase()
    const lifecycles = new Lifecycles(await testTemporal())
    const silent = new SilentLives()
    const dying = startInstance(database.url, silent, 60_000)
    await dying.inbox.append(opensOf(randomUUID(), 4, 12))
    await until(() => silent.heard.length > 0)
    await setBackAnHour(database.db)
    const [stopWorker, other] = [
      await lifecycles.startWorker(database.url),
      startInstance(database.url, lifecycles.lives),
    ]
    try {
      const [clock] = await other.db.$queryRaw<{ hours: number }[]>`
        SELECT extract(epoch FROM pg_catalog.now() - now())::int / 3600 AS hours`
      assert.equal(clock?.hours, 1)
      await until(() => isAllApplied(database.db))
      assert.equal(await opensCounted(database.db), 12)
      assert.equal(other.signalled.length, 12)
    } finally {
      silent.letGo()
      await Promise.all([dying.close(), other.close(), stopWorker()])
      await lifecycles.close()
      await database.drop()
    }
  })
})
