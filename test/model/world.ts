/** The whole system of one schedule: servers, processes, the networks between them, and what was acknowledged. */
import { ApplicationFailure } from '@temporalio/common'
import { type Priority, priorities, type ReceivedEvent } from '../../src/domain/events.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { createFakeActivities, type FakeChannel } from './fake-activities.ts'
import { FakeDatabase } from './fake-database.ts'
import { FakeInbox, type InboxWorld } from './fake-inbox.ts'
import { FakeTemporal } from './fake-temporal.ts'
import { FakeWorker, LostCallError } from './fake-worker.ts'
import { Network } from './network.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { unavailable } from './temporal-tasks.ts'
import { workflows } from './workflows.ts'

const startsAt = Date.UTC(2026, 0, 1)

/** Short, so that all deadlines are within minutes. */
export const policy: LifecyclePolicy = {
  stallAfterMs: { critical: 40_000, normal: 60_000, bulk: 90_000 },
  escalationRepeatAfterMs: 30_000,
  lingerAfterSettledMs: 5_000,
  giveUpAfterMs: 86_400_000,
}

const dayMs = 86_400_000

/** The policy of some emails: none of them stalls within a schedule. */
const slowPolicy: LifecyclePolicy = {
  ...policy,
  stallAfterMs: { critical: dayMs, normal: dayMs, bulk: dayMs },
  giveUpAfterMs: 3 * dayMs,
}

/** Networks, by their use. */
export interface Networks {
  readonly receipt: Network
  readonly signals: Network
  readonly applying: Network
  readonly polling: Network
  readonly outside: Network
}

export class World {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly database: FakeDatabase
  readonly temporal: FakeTemporal
  readonly networks: Networks
  readonly channels: readonly FakeChannel[] = ['webhook', 'email'].map((name) => ({ name, isDown: false, taken: [] }))
  inboxes: FakeInbox[] = []
  workers: FakeWorker[] = []
  /** Events that were acknowledged to the provider, or fetched from it and stored. */
  readonly acknowledged = new Map<string, ReceivedEvent>()
  /** Escalations that were acknowledged to a person as resolved. */
  readonly resolved = new Set<string>()
  /** Events whose webhook is never sent, by email ID. */
  readonly unsent = new Map<string, ReceivedEvent[]>()
  /** Whether a run was lost or reset. */
  hasLostRuns = false
  /** Violations of invariants. */
  readonly violations: string[] = []
  /** The kinds of faults to inject; null for any. */
  faultKinds: readonly string[] | null = null
  /** Patch IDs for which `patched` returns false. */
  readonly disabledPatches = new Set<string>()
  /** Searches for overdue emails that are not run, by name. */
  readonly disabledSearches = new Set<string>()
  /** Whether a search reads all pages, not only the first. */
  readsAllPages = true
  /** Emails with {@link slowPolicy}. The search, which uses {@link policy}, always finds them overdue. */
  readonly slowEmails = new Set<string>()
  /** The maximum number of emails. */
  maxEmails = 4
  /** The share of slow emails. */
  slowShare = 0.1
  /** The probability that a workflow is busy. */
  busyness = 0
  #processes = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    this.scheduler = new Scheduler(this.random, startsAt)
    this.database = new FakeDatabase(() => this.scheduler.now)
    this.temporal = new FakeTemporal(this.scheduler)
    const network = (lost: () => Error) => new Network({ scheduler: this.scheduler, lost })
    const retryable = () => ApplicationFailure.retryable('no answer', 'DatabaseUnavailable')
    this.networks = {
      receipt: network(() => new DatabaseUnavailableError('no answer')),
      signals: network(unavailable),
      applying: network(retryable),
      polling: network(() => new LostCallError('no answer')),
      outside: network(retryable),
    }
  }

  startInbox(): void {
    this.#processes += 1
    this.inboxes.push(new FakeInbox(`api ${this.#processes}`, this.inboxWorld))
  }

  startWorker(): void {
    this.#processes += 1
    const world = {
      database: this.database,
      network: this.networks.applying,
      outside: this.networks.outside,
      channels: this.channels,
      providerEvents: ({ emailId }: { emailId: string }) =>
        (this.unsent.get(emailId) ?? []).map((event) => ({ ...event, receivedAt: this.scheduler.now })),
      onStored: (events: readonly ReceivedEvent[]) => this.acknowledge(events),
    }
    this.workers.push(
      new FakeWorker({
        name: `worker ${this.#processes}`,
        scheduler: this.scheduler,
        temporal: this.temporal,
        network: this.networks.polling,
        workflows,
        disabledPatches: this.disabledPatches,
        activities: (process) => createFakeActivities(world, process),
      }),
    )
  }

  acknowledge(events: readonly ReceivedEvent[]): void {
    for (const event of events) this.acknowledged.set(event.id, event)
  }

  get inboxWorld(): InboxWorld {
    return {
      scheduler: this.scheduler,
      database: this.database,
      temporal: this.temporal,
      toDatabase: this.networks.receipt,
      toTemporal: this.networks.signals,
      policyOf: ({ emailId }) => (this.slowEmails.has(emailId) ? slowPolicy : policy),
      coalesceMs: { critical: 0, normal: 300, bulk: 1_500 },
      window: 8,
      isBusy: () => this.random.chance(this.busyness),
    }
  }
}

export const priorityFrom = (random: Random): Priority | null =>
  random.chance(0.4) ? 'critical' : random.pick([...priorities, null])
