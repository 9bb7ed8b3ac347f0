import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import type { RunningInbox } from '../../src/inbox/create-inbox.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { receivedEvent } from '../received-event.ts'
import { ownPostgres, ownTemporal, testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { assertAppliedOnce, type Instance, Lifecycles, opensCounted, startInstance } from './instance.ts'

/** The relay claims the events of so many emails to probe Temporal with. */
const probeEmails = 64

/** A provider that sends opens without pause, and records acknowledgements and the longest time to an answer. */
class Sender {
  readonly acknowledged: string[] = []
  refusals = 0
  longestMs = 0
  readonly #inbox: RunningInbox
  readonly #emails: number
  readonly #run = randomUUID()
  #isStopped = false
  readonly #running: Promise<void>

  /** @param emails the number of emails that it opens in turn. Only the first open of an email needs Temporal. */
  constructor(inbox: RunningInbox, emails = 10) {
    this.#inbox = inbox
    this.#emails = emails
    this.#running = this.#send()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  async #send(): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const startedAt = Date.now()
      await this.#deliver(`${this.#run}:${n}`, `${this.#run}:${n % this.#emails}`)
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

describe('the inbox during an outage of Temporal', () => {
  const database = useDatabase()
  let temporal: EmbeddedTemporal
  let lifecycles: Lifecycles
  let instance: Instance
  let stopWorker: () => Promise<void>

  before(async () => {
    temporal = await ownTemporal({ durable: true })
    lifecycles = new Lifecycles(temporal.address)
    instance = startInstance(database.url, lifecycles.emailWorkflows)
    stopWorker = await lifecycles.startWorker(database.url)
  })
  after(async () => {
    await instance.close()
    await stopWorker()
    await lifecycles.close()
  })

  it('acknowledges events, claims only those that it probes with, and relays all when Temporal is back', async () => {
    const { db } = database
    const sender = new Sender(instance.inbox, 1_000_000)
    const failures = async () => (await instance.metrics.signalFailuresTotal.get()).values[0]?.value ?? 0
    await until(async () => (await opensCounted(db)) >= 10)
    await temporal.kill('SIGKILL')
    const failedBefore = await failures()
    const underWay = await db.event.count({ where: { appliedAt: null } })
    await until(async () => (await failures()) > failedBefore)
    const acknowledgedBefore = sender.acknowledged.length
    const failedThen = await failures()
    await until(async () => (await failures()) >= failedThen + 3)
    assert.equal(instance.inbox.temporalStatus().state, 'away')
    // Events that were signalled keep their lease; of the others only those of the next probe are claimed.
    const unclaimed = () => db.event.count({ where: { leaseUntil: null, appliedAt: null } })
    await until(async () => (await unclaimed()) > 100)
    const claimed = await db.event.count({ where: { leaseUntil: { not: null }, appliedAt: null } })
    assert.ok(claimed <= underWay + probeEmails, `${claimed} events are claimed and cannot be sent, ${underWay} before`)
    await until(() => sender.acknowledged.length > acknowledgedBefore + 20)
    const appliedBefore = await db.event.count({ where: { appliedAt: { not: null } } })
    await temporal.start()
    const returnedAt = Date.now()
    await until(async () => (await db.event.count({ where: { appliedAt: { not: null } } })) > appliedBefore)
    console.log(`      events flow again ${Date.now() - returnedAt} ms after Temporal's return`)
    await sender.stop()
    await assertAppliedOnce(db, sender.acknowledged)
    assert.equal(sender.refusals, 0)
    assert.equal(instance.inbox.temporalStatus().state, 'flowing')
    assert.ok(sender.longestMs < 2_000, `an acknowledgement took ${sender.longestMs} ms`)
  })
})

describe('the inbox during an outage of PostgreSQL', () => {
  let postgres: EmbeddedPostgres
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
    instance = startInstance(url, lifecycles.emailWorkflows)
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
      start: () => postgres.kill('SIGKILL'),
      end: () => postgres.start(),
    },
    'a black hole that neither answers nor refuses': {
      start: async () => proxy.hold(),
      end: () => proxy.restore(),
    },
  }
  for (const [what, { start, end }] of Object.entries(outages)) {
    it(`(${what}) refuses within 2 seconds, and loses no acknowledged event`, async () => {
      const sender = new Sender(instance.inbox)
      await until(() => sender.acknowledged.length >= 20)
      await start()
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
      await db.$executeRaw`UPDATE events SET lease_until = NULL WHERE applied_at IS NULL`
      await assertAppliedOnce(db, sender.acknowledged)
    })
  }
})
