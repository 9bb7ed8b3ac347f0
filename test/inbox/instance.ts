/** Instances of the inbox on real servers, and the worker that applies what they signal. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { readInboxFigures } from '../../src/db/events.ts'
import type { EmailKey, LifecycleEvent, ReceivedEvent } from '../../src/domain/events.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createMetrics, type Metrics } from '../../src/metrics.ts'
import { connectWorker, createTemporalClient } from '../../src/temporal/connection.ts'
import type { Lives } from '../../src/temporal/lives.ts'
import { createTemporalLives } from '../../src/temporal/temporal-lives.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { until } from '../until.ts'

const hourMs = 3_600_000

/** Nothing happens by itself while a test runs. */
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  engagementWindowMs: hourMs,
  giveUpAfterMs: hourMs,
}

export interface Instance {
  readonly inbox: RunningInbox
  readonly db: Database
  readonly metrics: Metrics
  /** IDs of events in the order in which Temporal took them from this instance, once per signal. */
  readonly signalled: string[]
  close(): Promise<void>
}

/** One process's inbox, with a pool of its own; it sweeps often unless told otherwise. */
export function startInstance(url: string, lives: Pick<Lives, 'signal'>, sweepEveryMs = 20): Instance {
  const db = createDatabase({ url })
  const metrics = createMetrics(() => readInboxFigures(db))
  const signalled: string[] = []
  const recording: Pick<Lives, 'signal'> = {
    async signal(email, events, recipientDomain) {
      await lives.signal(email, events, recipientDomain)
      signalled.push(...events.map(({ id }) => id))
    },
  }
  const inbox = createInbox({ db, lives: recording, metrics, log: quietLog, sweepEveryMs })
  return {
    inbox,
    db,
    metrics,
    signalled,
    async close() {
      await inbox.close()
      await db.$disconnect()
    },
  }
}

/** How many events a counter has counted with these labels. */
export async function counted(metrics: Metrics, labels: Readonly<Record<string, string>>): Promise<number> {
  const { values } = await metrics.eventsTotal.get()
  const matching = values.filter((value) =>
    Object.entries(labels).every(([name, label]) => (value.labels as Record<string, unknown>)[name] === label),
  )
  return matching.reduce((sum, { value }) => sum + value, 0)
}

/** A Temporal that takes a signal and never says so: what a process sees that dies at that moment. */
export class SilentLives implements Pick<Lives, 'signal'> {
  readonly heard: LifecycleEvent[] = []
  #letGo: () => void = () => {}
  readonly #silence = new Promise<void>((resolve) => {
    this.#letGo = resolve
  })

  signal = (_email: EmailKey, events: readonly LifecycleEvent[]): Promise<void> => {
    this.heard.push(...events)
    return this.#silence
  }

  /** Lets an instance be closed at the end of its test. */
  letGo(): void {
    this.#letGo()
  }
}

/** A task queue of its own on a Temporal server. */
export class Lifecycles {
  readonly client: Client
  readonly lives: Lives
  readonly #address: string
  readonly #taskQueue = `inbox-${randomUUID()}`

  constructor(address: string) {
    this.#address = address
    this.client = createTemporalClient({ address, namespace: 'default', security: {} })
    this.lives = createTemporalLives({ client: this.client, taskQueue: this.#taskQueue, policy })
  }

  close = (): Promise<void> => this.client.connection.close()

  /** @returns how to stop it. */
  async startWorker(url: string): Promise<() => Promise<void>> {
    quietTemporalRuntime()
    const db = createDatabase({ url })
    const metrics = createMetrics(() => readInboxFigures(db))
    const activities = createActivities({ db, channels: [], providerApis: new Map(), metrics })
    const connection = await connectWorker({ address: this.#address, namespace: 'default', security: {} })
    const worker = await createLifecycleWorker({
      connection,
      namespace: 'default',
      activities,
      taskQueue: this.#taskQueue,
    })
    const running = worker.run()
    return async () => {
      worker.shutdown()
      await running
      await connection.close()
      await db.$disconnect()
    }
  }
}

/** `count` opens by people, spread over `emails` emails: what counting twice or never would show in. */
export function opensOf(run: string, emails: number, count: number): ReceivedEvent[] {
  return Array.from({ length: count }, (_, n) =>
    receivedEvent({ emailId: `${run}:${n % emails}`, id: `${run}:open:${n}`, type: 'opened', human: true }),
  )
}

/** How many opens are counted over all emails. */
export async function opensCounted(db: Database): Promise<number> {
  const { _sum } = await db.email.aggregate({ _sum: { opensTotal: true } })
  return _sum.opensTotal ?? 0
}

export const isAllApplied = async (db: Database): Promise<boolean> =>
  (await db.event.count({ where: { appliedAt: null } })) === 0

/** Waits until all opens are applied, then holds that none of the acknowledged is missing, and that each is counted once. */
export async function assertAppliedOnce(
  db: Database,
  acknowledged: Iterable<string>,
  withinMs = 30_000,
): Promise<void> {
  await until(() => isAllApplied(db), withinMs)
  const applied = await db.event.findMany({ where: { appliedAt: { not: null } }, select: { eventId: true } })
  const ids = new Set(applied.map(({ eventId }) => eventId))
  assert.deepEqual(
    [...acknowledged].filter((id) => !ids.has(id)),
    [],
  )
  assert.equal(await opensCounted(db), applied.length)
}
