import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database } from '../../src/db/database.ts'
import { createSteadyClock } from '../../src/webhooks/steady-clock.ts'
import { isAllApplied, Lifecycles, opensCounted, opensOf, startInstance, UnansweredSignals } from '../inbox/instance.ts'
import { testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig, stallAfter } from '../workflows/email-rig.ts'

const hourMs = 3_600_000
const stallAfterMs = 3_000

describe("faults: the API's clock is set back an hour", () => {
  let rig: EmailRig
  let stepMs = 0
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  it('an email with events before and after is reported as stalled on time, and once', async () => {
    const receivedAt = createSteadyClock(() => Date.now() + stepMs)
    const email = rig.email(stallAfter(stallAfterMs))
    const [first, startedAt] = [email.event('queued', { receivedAt: receivedAt() }), Date.now()]
    await email.apply(first)
    stepMs = -hourMs
    await email.apply(email.event('sent', { receivedAt: receivedAt(), occurredAt: Date.now() - hourMs }))
    assert.deepEqual(await email.escalations(), [])
    const { openedAt } = await email.escalated('stalled', 'open')
    await until(() => email.notices().length > 0)
    const lateMs = openedAt.getTime() - startedAt - stallAfterMs
    console.log(`      reported ${lateMs} ms after its deadline`)
    assert.ok(lateMs >= -100)
    await email.apply(email.event('delivered', { receivedAt: receivedAt() }))
    await email.escalated('stalled', 'resolved')
    assert.equal(email.notices().length, 1)
  })
})

/** For new connections: puts another `now()` before PostgreSQL's own in the search path. */
async function setBackAnHour(db: Database): Promise<void> {
  await db.$executeRaw`CREATE SCHEMA set_back`
  await db.$executeRaw`
    CREATE FUNCTION set_back.now() RETURNS timestamptz STABLE LANGUAGE sql
    AS $$ SELECT pg_catalog.now() - interval '1 hour' $$`
  const [row] = await db.$queryRaw<{ name: string }[]>`SELECT current_database() AS name`
  await db.$executeRawUnsafe(`ALTER DATABASE ${row?.name} SET search_path = set_back, pg_catalog, public`)
}

describe("faults: PostgreSQL's clock is set back an hour", () => {
  it('another instance claims the events of a killed API within seconds, and each counts once', async () => {
    const database = await testDatabase()
    const lifecycles = new Lifecycles(await testTemporal())
    const unanswered = new UnansweredSignals()
    const dying = startInstance(database.url, unanswered, 60_000)
    await dying.inbox.append(opensOf(randomUUID(), 4, 12))
    await until(() => unanswered.received.length > 0)
    await setBackAnHour(database.db)
    const [stopWorker, other] = [
      await lifecycles.startWorker(database.url),
      startInstance(database.url, lifecycles.emailWorkflows),
    ]
    try {
      const [clock] = await other.db.$queryRaw<{ hours: number }[]>`
        SELECT extract(epoch FROM pg_catalog.now() - now())::int / 3600 AS hours`
      assert.equal(clock?.hours, 1)
      await until(() => isAllApplied(database.db))
      assert.equal(await opensCounted(database.db), 12)
      assert.equal(other.signalled.length, 12)
    } finally {
      unanswered.resolve()
      await Promise.all([dying.close(), other.close(), stopWorker()])
      await lifecycles.close()
      await database.drop()
    }
  })
})
