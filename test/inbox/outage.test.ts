import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import type { RunningInbox } from '../../src/inbox/create-inbox.ts'
import type { LocalPostgres } from '../../src/local/postgres.ts'
import type { LocalTemporal } from '../../src/local/temporal.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { receivedEvent } from '../received-event.ts'
import { ownPostgres, ownTemporal, type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { assertAppliedOnce, type Instance, Lifecycles, opensCounted, startInstance } from './instance.ts'

/** A provider that sends opens without pause, and remembers what was acknowledged and how long the longest answer took. */
class Sender {
  readonly acknowledged: string[] = []
  refusals = 0
  longestMs = 0
  readonly #inbox: RunningInbox
  readonly #run = randomUUID()
  #isStopped = false
  readonly #running: Promise<void>

  constructor(inbox: RunningInbox) {
    this.#inbox = inbox
    this.#running = this.#send()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #send(): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const startedAt = Date.now()
      await this.#deliver(`${this.#run}:${n}`, `${this.#run}:${n % 10}`)
      this.longestMs = Math.max(this.longestMs, Date.now() - startedAt)
      await sleep(10)
    }
  }

  async #deliver(id: string, emailId: string): Promise<void> {
    try {
      await this.#inbox.append([receivedEvent({ id, emailId, type: 'opened', human: true })])
      this.acknowledged.push(id)
    } catch (error) {
      assert.ok(error instanceof DatabaseUnavailableError, String(error))
      this.refusals += 1
    }
  }
}

describe('the inbox while Temporal is away', () => {
  let database: TestDatabase
  let temporal: LocalTemporal
  let lifecycles: Lifecycles
  let instance: Instance
  let stopWorker: () => Promise<void>

  before(async () => {
    database = await testDatabase()
    temporal = await ownTemporal({ durable: true })
    lifecycles = new Lifecycles(temporal.address)
    instance = startInstance(database.url, lifecycles.lives)
    stopWorker = await lifecycles.startWorker(database.url)
  })
  after(async () => {
    await instance.close()
    await stopWorker()
    await lifecycles.close()
    await database.drop()
  })

  it('goes on acknowledging, claims nothing, and hands everything on when it is back', async () => {
    const { db } = database
    const sender = new Sender(instance.inbox)
    const failures = async () => (await instance.metrics.signalFailuresTotal.get()).values[0]?.value ?? 0
    await until(async () => (await opensCounted(db)) >= 10)
    await temporal.kill('SIGKILL')
    const failedBefore = await failures()
    await until(async () => (await failures()) > failedBefore)
    const acknowledgedBefore = sender.acknowledged.length
    await db.$executeRaw`UPDATE events SET lease_until = '2001-01-01' WHERE applied_at IS NULL`
    const overdue = await db.event.count({ where: { leaseUntil: new Date('2001-01-01T00:00:00Z'), appliedAt: null } })
    assert.ok(overdue > 0)
    const failedThen = await failures()
    await until(async () => (await failures()) >= failedThen + 3)
    const still = await db.event.count({ where: { leaseUntil: new Date('2001-01-01T00:00:00Z'), appliedAt: null } })
    assert.equal(still, overdue, 'a sweep has claimed what cannot be sent')
    await until(() => sender.acknowledged.length > acknowledgedBefore + 20)
    const appliedBefore = await db.event.count({ where: { appliedAt: { not: null } } })
    await temporal.start()
    const returnedAt = Date.now()
    await until(async () => (await db.event.count({ where: { appliedAt: { not: null } } })) > appliedBefore)
    console.log(`      events flow again ${Date.now() - returnedAt} ms after Temporal's return`)
    await sender.stop()
    await assertAppliedOnce(db, sender.acknowledged)
    assert.deepEqual([sender.refusals, await db.event.count({ where: { attempts: { gt: 0 } } })], [0, 0])
    assert.ok(sender.longestMs < 2_000, `an acknowledgement took ${sender.longestMs} ms`)
  })
})

describe('the inbox while PostgreSQL is away', () => {
  let postgres: LocalPostgres
  let proxy: FaultProxy
  let lifecycles: Lifecycles
  let instance: Instance
  let db: Database
  let stopWorker: () => Promise<void>

  before(async () => {
    postgres = await ownPostgres({ durable: true })
    await applyMigrations({ databaseUrl: postgres.url })
    proxy = await FaultProxy.to(postgres.port)
    const url = postgres.url.replace(`:${postgres.port}/`, `:${proxy.port}/`)
    lifecycles = new Lifecycles(await testTemporal())
    instance = startInstance(url, lifecycles.lives)
    db = createDatabase({ url: postgres.url })
    stopWorker = await lifecycles.startWorker(url)
  })
  after(async () => {
    await instance.close()
    await stopWorker()
    await lifecycles.close()
    await db.$disconnect()
    proxy.close()
  })

  const outages = {
    'killed and refuses connections': {
      begin: () => postgres.kill('SIGKILL'),
      end: () => postgres.start(),
    },
    'a black hole that neither answers nor refuses': {
      begin: async () => proxy.hold(),
      end: () => proxy.mend(),
    },
  }
  for (const [what, { begin, end }] of Object.entries(outages)) {
    it(`(${what}) refuses within 2 seconds, and loses nothing that it acknowledged`, async () => {
      const sender = new Sender(instance.inbox)
      await until(() => sender.acknowledged.length >= 20)
      await begin()
      await until(() => sender.refusals >= 2)
      const registration = { to: ['ada@example.com'], subject: null, tags: null, priority: null, as: 'sent' as const }
      const startedAt = Date.now()
      await assert.rejects(
        instance.inbox.register({ provider: 'aisend', emailId: 'em_1', ...registration }),
        DatabaseUnavailableError,
      )
      assert.ok(Date.now() - startedAt < 2_000)
      assert.ok(sender.longestMs < 2_000, `a refusal took ${sender.longestMs} ms`)
      const acknowledgedBefore = sender.acknowledged.length
      await end()
      const returnedAt = Date.now()
      await until(() => sender.acknowledged.length > acknowledgedBefore)
      console.log(`      acknowledged again ${Date.now() - returnedAt} ms after PostgreSQL's return`)
      await sender.stop()
      await db.$executeRaw`UPDATE events SET lease_until = now() - interval '1 second' WHERE applied_at IS NULL`
      await assertAppliedOnce(db, sender.acknowledged)
    })
  }
})
