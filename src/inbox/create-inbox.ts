import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { type Database, withDatabaseDeadline } from '../db/database.ts'
import type { EventKey, StoredEventKey } from '../db/event-key.ts'
import { registerEmail } from '../db/registrations.ts'
import { normalizeAddress } from '../domain/address.ts'
import { type ReceivedEvent, registrationEventType } from '../domain/events.ts'
import { lifecycleEventOf, registrationPayloadOf } from '../domain/received-event.ts'
import type { Registration } from '../domain/registration.ts'
import { countEvent, type Metrics } from '../metrics.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import type { TemporalStatus } from '../temporal/temporal-status.ts'
import { createAppend } from './append-events.ts'
import { systemClock } from './clock.ts'
import { createEventStore, type EventStore } from './event-store.ts'
import type { Inbox } from './inbox.ts'
import { Relay, type RelayOptions } from './relay.ts'
import { type CoalesceMs, withoutWaiting } from './signal-batches.ts'

/** Observes the inbox, for tracing. */
export interface InboxObserver {
  /** Runs `store`, the statement that stores `events`. */
  storing<T>(events: readonly ReceivedEvent[], store: () => Promise<T>): Promise<T>
  /** Called when an event is stored. @param isNew false for a repeat. */
  stored(event: ReceivedEvent, isNew: boolean): void
}

export interface InboxDependencies {
  readonly db: Database
  readonly emailWorkflows: Pick<EmailWorkflows, 'signal'>
  readonly metrics: Pick<Metrics, 'eventsTotal' | 'signalFailuresTotal'>
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** Epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number
  readonly observer?: InboxObserver | null
  /** Called after an email was registered, or its opens and clicks were applied without a workflow. */
  readonly onChange?: () => void
  /** How long the first events of an email wait for further ones. Default 0. */
  readonly coalesceMs?: CoalesceMs
  /** For tests. */
  readonly relay?: Pick<RelayOptions, 'window' | 'concurrency' | 'pollEveryMs'>
  /** Older events, by their provider's clock, are quarantined on receipt. Default: no limit. */
  readonly maxEventAgeMs?: number
}

/** An inbox that relays events to workflows until it is closed. */
export interface RunningInbox extends Inbox {
  /** Whether Temporal accepts signals at present. */
  temporalStatus(): TemporalStatus
  /** Waits for the active signals and releases all other claimed events. */
  close(): Promise<void>
}

/** The deadline of a registration: equal to that of a webhook. */
const registerDeadlineMs = 1_800

export function createInbox(dependencies: InboxDependencies): RunningInbox {
  const { db, metrics, observer = null, clock = Date.now } = dependencies
  const { maxEventAgeMs = Number.POSITIVE_INFINITY } = dependencies
  const store = createEventStore(db)
  const relay = createRelay(dependencies, store)
  const insert = (events: readonly ReceivedEvent[]) => insertAndRelay(store, relay, events)
  const append = createAppend({
    ...{ metrics, maxEventAgeMs },
    insert: observer ? (events) => observer.storing(events, () => insert(events)) : insert,
    ...(observer && { onStored: observer.stored }),
  })
  relay.start()

  return {
    append,

    async register(registration) {
      const event = registrationEvent(registration, clock())
      const isClaimed = relay.claims([event])(event)
      const { created, keys, ...known } = await withDatabaseDeadline(registerDeadlineMs, () =>
        registerEmail(db, registration, event, isClaimed),
      )
      const { provider, emailId } = registration
      if (isClaimed)
        relay.accept([{ email: { provider, emailId }, event: lifecycleEventOf(event, keys), account: null, ...known }])
      else relay.noteUnclaimed()
      observer?.stored(event, true)
      dependencies.onChange?.()
      return { created }
    },

    temporalStatus: relay.status,
    close: () => relay.close(),
  }
}

/** Stores events, and claims them for this instance as far as the window has room. Claimed events are relayed at once. */
export async function insertAndRelay(
  store: Pick<EventStore, 'insert'>,
  relay: Relay,
  events: readonly ReceivedEvent[],
): Promise<readonly EventKey[]> {
  const isClaimed = relay.claims(events)
  const { stored, claimed } = await store.insert(
    events,
    (event) => isClaimed(event) && event.quarantinedReason === undefined,
  )
  relay.accept(claimed)
  if (!events.every(isClaimed)) relay.noteUnclaimed()
  return stored
}

function createRelay({ emailWorkflows, metrics, log, ...dependencies }: InboxDependencies, store: EventStore): Relay {
  return new Relay({
    store,
    workflows: emailWorkflows,
    clock: systemClock,
    coalesceMs: dependencies.coalesceMs ?? withoutWaiting,
    onFailure: () => metrics.signalFailuresTotal.inc(),
    onRejected: (keys, reason) => void noteRejected(store, keys, reason, metrics, log),
    onStoreFailure: (error) =>
      log.warn({ reason: nameOf(error) }, 'a database statement of the relay failed; it will be retried'),
    ...(dependencies.onChange && { onApplied: dependencies.onChange }),
    ...dependencies.relay,
  })
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')

/** A registration is handled like a provider's event: stored, then signalled; claimed again if its signal fails. */
function registrationEvent(
  { provider, emailId, to, as, priority, externalId, metadata }: Registration,
  at: number,
): ReceivedEvent {
  return {
    provider,
    emailId,
    id: `registration:${randomUUID()}`,
    type: registrationEventType,
    occurredAt: at,
    receivedAt: at,
    to: to.map((address) => normalizeAddress(address) ?? address.toLowerCase()),
    recipient: null,
    subject: null,
    bounce: null,
    human: false,
    externalId: externalId ?? null,
    metadata: metadata ?? null,
    payload: registrationPayloadOf({ as, priority }),
  }
}

/** Records a refusal of events: they are claimed again later, or quarantined after the last attempt. */
async function noteRejected(
  store: EventStore,
  keys: readonly StoredEventKey[],
  reason: string,
  metrics: Pick<Metrics, 'eventsTotal'>,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<void> {
  const eventIds = keys.map(({ id }) => id)
  log.warn({ eventIds, reason }, 'Temporal refused events')
  try {
    for (const event of await store.reject(keys, reason)) countEvent(metrics, event, 'quarantined')
  } catch {
    // Their lease expires, and they are claimed again.
    log.error({ eventIds }, 'the refusal of a signal could not be stored')
  }
}
