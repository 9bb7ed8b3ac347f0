/** Instances of the inbox on real servers, and the worker that applies their events. */
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
import type { EmailWorkflows } from '../../src/temporal/email-workflows.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { until } from '../until.ts'

const hourMs = 3_600_000

/** No deadline passes while a test runs. */
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  lingerAfterSettledMs: hourMs,
  giveUpAfterMs: hourMs,
}

export interface Instance {
  readonly inbox: RunningInbox
  readonly db: Database
  readonly metrics: Metrics
  /** IDs of the events that Temporal accepted from this instance, in order, once per signal. */
  readonly signalled: string[]
  close(): Promise<void>
}

/** The inbox of one process, with its own pool. Polls often for unclaimed events by default. */
export function startInstance(
  url: string,
  emailWorkflows: Pick<EmailWorkflows, 'signal'>,
  pollEveryMs = 20,
  window = 512,
): Instance {
  const db = createDatabase({ url })
  const metrics = createMetrics(() => readInboxFigures(db))
  const signalled: string[] = []
  const recording: Pick<EmailWorkflows, 'signal'> = {
    async signal(email, events, ...more) {
      await emailWorkflows.signal(email, events, ...more)
      signalled.push(...events.map(({ id }) => id))
    },
  }
  const inbox = createInbox({ db, emailWorkflows: recording, metrics, log: quietLog, relay: { pollEveryMs, window } })
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

/** The value of the events counter with these labels. */
export async function counted(metrics: Metrics, labels: Readonly<Record<string, string>>): Promise<number> {
  const { values } = await metrics.eventsTotal.get()
  const matching = values.filter((value) =>
    Object.entries(labels).every(([name, label]) => (value.labels as Record<string, unknown>)[name] === label),
  )
  return matching.reduce((sum, { value }) => sum + value, 0)
}

/** Workflows that receive signals and never answer: what a process sees that crashes at that moment. */
export class UnansweredSignals implements Pick<EmailWorkflows, 'signal'> {
  readonly received: LifecycleEvent[] = []
  #resolve: () => void = () => {}
  readonly #answer = new Promise<void>((resolve) => {
    this.#resolve = resolve
  })

  signal = (_email: EmailKey, events: readonly LifecycleEvent[]): Promise<void> => {
    this.received.push(...events)
    return this.#answer
  }

  /** Answers all signals, so that the instance can be closed. */
  resolve(): void {
    this.#resolve()
  }
}

/** A separate task queue on a Temporal server. */
export class Lifecycles {
  readonly client: Client
  readonly emailWorkflows: EmailWorkflows
  readonly #address: string
  readonly #taskQueue = `inbox-${randomUUID()}`

  constructor(address: string) {
    this.#address = address
    this.client = createTemporalClient({ address, namespace: 'default', security: {} })
    this.emailWorkflows = createTemporalEmailWorkflows({ client: this.client, taskQueue: this.#taskQueue, policy })
  }

  close = (): Promise<void> => this.client.connection.close()

  /** @returns a function that stops it. */
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

/** `count` opens by persons over `emails` emails: they reveal events that are counted twice or not at all. */
export function opensOf(run: string, emails: number, count: number): ReceivedEvent[] {
  return Array.from({ length: count }, (_, n) =>
    receivedEvent({ emailId: `${run}:${n % emails}`, id: `${run}:open:${n}`, type: 'opened', human: true }),
  )
}

/** The number of counted opens of all emails. */
export async function opensCounted(db: Database): Promise<number> {
  const { _sum } = await db.email.aggregate({ _sum: { opensTotal: true } })
  return _sum.opensTotal ?? 0
}

export const isAllApplied = async (db: Database): Promise<boolean> =>
  (await db.event.count({ where: { appliedAt: null } })) === 0

/** Waits until all opens are applied. Asserts that no acknowledged one is missing and each is counted once. */
export async function assertAppliedOnce(
  db: Database,
  acknowledged: Iterable<string>,
  withinMs = 30_000,
): Promise<void> {
  await until(() => isAllApplied(db), withinMs)
  const applied = await db.event.findMany({
    where: { appliedAt: { not: null }, type: 'opened' },
    select: { eventId: true },
  })
  const ids = new Set(applied.map(({ eventId }) => eventId))
  assert.deepEqual(
    [...acknowledged].filter((id) => !ids.has(id)),
    [],
  )
  assert.equal(await opensCounted(db), applied.length)
}
