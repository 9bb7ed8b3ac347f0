import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type Database, withDatabaseDeadline } from '../db/database.ts'
import { countFailedAttempt, type EventKey } from '../db/events.ts'
import {
  claimOverdueEvents,
  extendLeases,
  firstLeaseMs,
  readWaiting,
  signalledLeaseMs,
  type WaitingEvent,
} from '../db/leases.ts'
import { registerEmail } from '../db/snapshots.ts'
import { domainOf } from '../domain/address.ts'
import { tooOldReason } from '../domain/event-age.ts'
import { type ReceivedEvent, registrationEventType } from '../domain/events.ts'
import { lifecycleEventOf, registrationPayloadOf } from '../domain/received-event.ts'
import { countEvent, type EventOutcome, type Metrics } from '../metrics.ts'
import type { Lives } from '../temporal/lives.ts'
import { Dispatcher } from './dispatcher.ts'
import { GroupCommit } from './group-commit.ts'
import type { Inbox, Registration } from './inbox.ts'
import { Leases } from './leases.ts'
import { Pace } from './pace.ts'
import { Storing } from './storing.ts'
import { Sweeper } from './sweeper.ts'

/** Somebody who watches an inbox at work, such as tracing. */
export interface InboxObserver {
  /** Runs the statement that makes `events` durable. */
  storing<T>(events: readonly ReceivedEvent[], store: () => Promise<T>): Promise<T>
  /** An event is durable; a repeat was before. */
  stored(event: ReceivedEvent, isNew: boolean): void
}

export interface InboxDependencies {
  readonly db: Database
  readonly lives: Pick<Lives, 'signal'>
  readonly metrics: Pick<Metrics, 'eventsTotal' | 'signalFailuresTotal'>
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** Default: the wall clock, epoch milliseconds. */
  readonly clock?: () => number
  readonly observer?: InboxObserver | null
  /** Time between sweeps that find little. Default 1 second. */
  readonly sweepEveryMs?: number
  /** Events that are older by their provider's clock when they come are put aside. Default: none are. */
  readonly maxEventAgeMs?: number
}

/** An inbox that dispatches and sweeps until it is closed. */
export interface RunningInbox extends Inbox {
  /** Stops sweeping and waits for signals under way; whatever is left is in the database. */
  close(): Promise<void>
}

/** A registration is stored within this or refused: it answers as fast as a webhook does. */
const registerDeadlineMs = 1_800

export function createInbox({ db, lives, metrics, log, observer = null, ...options }: InboxDependencies): RunningInbox {
  const { clock = Date.now, maxEventAgeMs = Number.POSITIVE_INFINITY } = options
  const count = (event: { provider: string; type: string }, outcome: EventOutcome) =>
    countEvent(metrics, event, outcome)

  const pace = new Pace({ waiting: (keys) => readWaiting(db, keys), onRoom: () => dispatcher.goOn() })
  const dispatcher: Dispatcher = new Dispatcher({
    lives,
    onSignalled: (keys) => {
      leases.addSignalled(keys)
      const last = keys.at(-1)
      if (last) pace.add(last)
    },
    pace,
    onReturn: () => void leases.look(),
    onFailure: () => metrics.signalFailuresTotal.inc(),
    onRejected: (keys, reason) => void noteRejected(db, keys, reason, count, log),
  })
  const leases = new Leases({
    extend: (keys, to) => extendLeases(db, keys, to === 'be applied' ? signalledLeaseMs : firstLeaseMs),
    waitingFor: (ms) => dispatcher.waitingFor(ms),
  })
  const storing = new Storing(db, dispatcher)
  const store = (events: readonly ReceivedEvent[]) => storing.store(events)
  const commits = new GroupCommit({
    insert: observer ? (events) => observer.storing(events, () => store(events)) : store,
  })
  const sweeper = new Sweeper({
    dispatcher,
    claim: (room) => claimOverdueEvents(db, room.events, room.emails),
    log,
    ...(options.sweepEveryMs !== undefined && { everyMs: options.sweepEveryMs }),
  })
  sweeper.start()

  return {
    async append(given) {
      const cameAtMs = performance.now()
      const events = given.map((event) => withAge(event, maxEventAgeMs))
      const fresh = new Set(await commits.append(events))
      if (storing.isOurs(cameAtMs)) {
        dispatcher.offer([...fresh].filter((event) => event.quarantinedReason === undefined).map(waitingEventOf))
      }
      for (const event of events) {
        count(event, fresh.has(event) ? outcomeOf(event) : 'duplicate')
        observer?.stored(event, fresh.has(event))
      }
      return { received: fresh.size, duplicates: events.length - fresh.size }
    },

    async register(registration) {
      const event = registrationEvent(registration, clock())
      const stored = await withDatabaseDeadline(registerDeadlineMs, () => registerEmail(db, registration, event))
      dispatcher.offer([waitingEventOf(event)])
      observer?.stored(event, true)
      return stored
    },

    async close() {
      await sweeper.close()
      await dispatcher.close()
      leases.close()
      pace.close()
    },
  }
}

/** The event, put aside if it comes too late. */
function withAge(event: ReceivedEvent, maxEventAgeMs: number): ReceivedEvent {
  const quarantinedReason = event.quarantinedReason ?? tooOldReason(event, maxEventAgeMs)
  return quarantinedReason === null ? event : { ...event, quarantinedReason }
}

const outcomeOf = ({ quarantinedReason }: ReceivedEvent): EventOutcome =>
  quarantinedReason === undefined ? 'received' : 'quarantined'

function waitingEventOf(event: ReceivedEvent): WaitingEvent {
  const { provider, emailId, recipient, to } = event
  const address = recipient ?? to[0]
  return {
    email: { provider, emailId },
    event: lifecycleEventOf(event),
    recipientDomain: address === undefined ? null : domainOf(address),
  }
}

/** A registration travels like a provider's event: durable first, then signalled, swept if need be. */
function registrationEvent({ provider, emailId, to, as, priority }: Registration, at: number): ReceivedEvent {
  return {
    provider,
    emailId,
    id: `registration:${randomUUID()}`,
    type: registrationEventType,
    occurredAt: at,
    receivedAt: at,
    to: to.map((address) => address.toLowerCase()),
    recipient: null,
    subject: null,
    bounce: null,
    human: false,
    payload: registrationPayloadOf({ as, priority }),
  }
}

/** Leaves the next attempt to the sweep, or puts the events aside for good. */
async function noteRejected(
  db: Database,
  keys: readonly EventKey[],
  reason: string,
  count: (event: { provider: string; type: string }, outcome: EventOutcome) => void,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<void> {
  const eventIds = keys.map(({ id }) => id)
  log.warn({ eventIds, reason }, 'Temporal refused events')
  try {
    for (const event of await countFailedAttempt(db, keys, reason)) count(event, 'quarantined')
  } catch {
    // Their lease runs out and they are tried again, whatever they are; the attempt is only not counted.
    log.error({ eventIds }, 'a failed attempt could not be noted')
  }
}
