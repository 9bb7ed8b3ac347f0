/** An API process: the real relay, with a fake store and a fake Temporal. */
import type { StoredEventKey } from '../../src/db/event-key.ts'
import type { EmailKey, Priority, ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents, statusOf } from '../../src/domain/lifecycle.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { WorkflowBusyError } from '../../src/errors.ts'
import { insertAndRelay } from '../../src/inbox/create-inbox.ts'
import { Relay } from '../../src/inbox/relay.ts'
import type { CoalesceMs } from '../../src/inbox/signal-batches.ts'
import { type EmailWorkflows, workflowIdOf } from '../../src/temporal/email-workflows.ts'
import type { FakeDatabase } from './fake-database.ts'
import type { FakeTemporal } from './fake-temporal.ts'
import type { Network } from './network.ts'
import { Process, type Scheduler } from './scheduler.ts'
import type { StartOptions } from './temporal-tasks.ts'

export interface InboxWorld {
  readonly scheduler: Scheduler
  readonly database: FakeDatabase
  readonly temporal: FakeTemporal
  readonly toDatabase: Network
  readonly toTemporal: Network
  /** The policy of an email's workflow. */
  readonly policyOf: (email: EmailKey) => LifecyclePolicy
  readonly coalesceMs: CoalesceMs
  readonly window: number
  /** Whether a workflow is busy at this moment. */
  readonly isBusy: () => boolean
}

const receiptDeadlineMs = 1_800
const statementTimeoutMs = 5_000
const signalDeadlineMs = 5_000

export class FakeInbox {
  readonly process: Process
  readonly #world: InboxWorld
  readonly #relay: Relay

  constructor(name: string, world: InboxWorld) {
    this.process = new Process(name)
    this.#world = world
    const sql = <T>(statement: () => T) => world.toDatabase.call(this.process, statementTimeoutMs, statement)
    const { database, scheduler } = world
    this.#relay = new Relay({
      store: {
        claim: (limits) => sql(() => database.claim(limits)),
        release: (keys) => sql(() => database.release(keys)),
        defer: (keys, ms) => sql(() => database.defer(keys, ms)),
        reject: (keys, reason) => sql(() => reject(database, keys, reason)),
        applyEngagements: (keys) => sql(() => database.applyEngagements(keys)),
      },
      workflows: workflowsOf(this.process, world),
      clock: { now: () => scheduler.now, sleep: (ms, signal) => scheduler.sleep(this.process, ms, signal) },
      coalesceMs: world.coalesceMs,
      window: world.window,
      pollEveryMs: 5_000,
      onFailure: () => {},
      onRejected: (keys, reason) => void sql(() => reject(database, keys, reason)).catch(() => {}),
    })
    this.#relay.start()
  }

  /** The real insert of a group of webhooks, without the grouping. @throws if the events are not known to be durable. */
  async append(events: readonly ReceivedEvent[]): Promise<void> {
    const { toDatabase, database } = this.#world
    const insert = (given: readonly ReceivedEvent[], isClaimed: (event: ReceivedEvent) => boolean) =>
      toDatabase.call(this.process, receiptDeadlineMs, () => database.insert(given, isClaimed))
    await insertAndRelay({ insert }, this.#relay, events)
  }

  async register(event: ReceivedEvent, priority: Priority | null): Promise<void> {
    const { toDatabase, database } = this.#world
    const isClaimed = this.#relay.claims([event])(event)
    const register = () => database.register(event, priority, isClaimed)
    const known = await toDatabase.call(this.process, receiptDeadlineMs, register)
    const { provider, emailId } = event
    if (isClaimed)
      this.#relay.accept([{ email: { provider, emailId }, event: database.eventOf(event), account: null, ...known }])
    else this.#relay.noteUnclaimed()
  }

  /** As SIGTERM: leases are released. */
  close = (): Promise<void> => this.#relay.close()

  kill(): void {
    this.process.isAlive = false
  }
}

function reject(database: FakeDatabase, keys: readonly StoredEventKey[], reason: string): never[] {
  database.reject(keys, reason)
  return []
}

/** As `temporal-email-workflows.ts`, on the fake server. */
export function workflowsOf(
  process: Process,
  world: Omit<InboxWorld, 'toDatabase' | 'window' | 'coalesceMs'>,
): Pick<EmailWorkflows, 'signal' | 'ensureStarted'> {
  const { temporal, toTemporal, policyOf } = world
  const start = (email: EmailKey, status: string, priority: string): StartOptions => ({
    workflowId: workflowIdOf(email),
    type: 'emailLifecycle',
    input: { ...email, policy: policyOf(email) },
    attributes: { EmailStatus: status, EmailPriority: priority, Provider: email.provider },
  })
  return {
    signal: (email, events) =>
      toTemporal.call(process, signalDeadlineMs, () => {
        if (world.isBusy()) throw new WorkflowBusyError('busy')
        const snapshot = foldEvents(emptySnapshot, events)
        const options = start(email, statusOf(snapshot), snapshot.priority)
        temporal.signalWithStart(options, 'eventsReceived', [events])
      }),
    ensureStarted: (email) =>
      toTemporal.call(process, signalDeadlineMs, () => temporal.start(start(email, 'queued', 'normal'))),
  }
}
