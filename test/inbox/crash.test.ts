import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { insertEvents } from '../../src/db/events.ts'
import { claimOverdueEvents } from '../../src/db/leases.ts'
import { workflowIdOf } from '../../src/temporal/lives.ts'
import { expireLeases } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import {
  type Instance,
  isAllApplied,
  Lifecycles,
  opensCounted,
  opensOf,
  SilentLives,
  startInstance,
} from './instance.ts'

describe('the inbox after a crash', () => {
  let database: TestDatabase
  let db: Database
  let lifecycles: Lifecycles
  const instances: Instance[] = []

  before(async () => {
    database = await testDatabase()
    db = createDatabase({ url: database.url })
    lifecycles = new Lifecycles(await testTemporal())
  })
  after(async () => {
    await lifecycles.close()
    await db.$disconnect()
    await database.drop()
  })
  beforeEach(() => db.$executeRaw`TRUNCATE events, emails`)
  afterEach(async () => {
    await Promise.all(instances.splice(0).map((instance) => instance.close()))
  })

  const instance = (...parts: Parameters<typeof startInstance>): Instance => {
    const started = startInstance(...parts)
    instances.push(started)
    return started
  }

  it('between commit and signal: another instance brings the events when their lease is over, not before', async () => {
    const silent = new SilentLives()
    const run = randomUUID()
    const dying = instance(database.url, silent, 60_000)
    try {
      await dying.inbox.append(opensOf(run, 4, 12))
      // Longer than it really is, so that a slow machine does not see it run out.
      await db.$executeRaw`UPDATE events SET lease_until = now() + interval '10 minutes'`
      const other = instance(database.url, lifecycles.lives)
      const later = receivedEvent({ emailId: `${run}:later`, id: `${run}:later` })
      await insertEvents(db, [later])
      await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE event_id = ${later.id}`
      await until(() => other.signalled.length > 0)
      assert.deepEqual(other.signalled, [later.id], 'what is leased is left alone')
      await expireLeases(db)
      const stopWorker = await lifecycles.startWorker(database.url)
      await until(() => isAllApplied(db)).finally(stopWorker)
      assert.equal(await opensCounted(db), 12)
      assert.deepEqual([...new Set(other.signalled)].length, 13)
    } finally {
      silent.letGo()
    }
  })

  it('between signal and apply: events that are signalled again are applied once', async () => {
    const run = randomUUID()
    const [open] = opensOf(run, 1, 1)
    assert.ok(open)
    const dying = instance(database.url, lifecycles.lives, 60_000)
    await dying.inbox.append([open])
    await until(() => dying.signalled.length === 1)
    assert.equal(await isAllApplied(db), false)
    await expireLeases(db)
    const other = instance(database.url, lifecycles.lives)
    await until(() => other.signalled.length === 1)
    const { events } = await lifecycles.client.workflow.getHandle(workflowIdOf(open)).fetchHistory()
    const signals = events?.filter((event) => event.workflowExecutionSignaledEventAttributes)
    assert.equal(signals?.length, 2)
    const stopWorker = await lifecycles.startWorker(database.url)
    try {
      await until(() => isAllApplied(db))
    } finally {
      await stopWorker()
    }
    const row = await db.email.findFirstOrThrow()
    assert.deepEqual([row.opensTotal, row.opensHuman, row.revision], [1, 1, 1])
  })

  it('is swept by two instances at once: each event is claimed by one, and counted once', async () => {
    const run = randomUUID()
    // More emails than one claim takes, so that both find some.
    const opens = opensOf(run, 300, 1_500)
    await insertEvents(db, opens)
    await expireLeases(db)
    const stopWorker = await lifecycles.startWorker(database.url)
    const sweeping = [1, 2].map(() => instance(database.url, lifecycles.lives))
    try {
      await until(() => isAllApplied(db), 40_000)
    } finally {
      await stopWorker()
    }
    const shares = sweeping.map(({ signalled }) => signalled.length)
    assert.equal(new Set(sweeping.flatMap(({ signalled }) => signalled)).size, 1_500)
    assert.equal(shares[0] === 1_500 || shares[1] === 1_500, false, `both took part: ${shares}`)
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      1_500,
      'none was signalled twice within its lease',
    )
    assert.equal(await opensCounted(db), 1_500)
    assert.deepEqual(await claimOverdueEvents(db, 10), [])
  })
})
