/** Statements that read events for operators: what waits, what was put aside, what was applied. */
import { providerEventTypes, registrationEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import type { EventKey } from './events.ts'
import { type Event, Prisma } from './generated/client.ts'

/** Pending, quarantined or applied is what an event is; unknown are those of a type without a meaning, whichever they are. */
export const eventStates = ['pending', 'quarantined', 'applied', 'unknown'] as const
export type EventState = (typeof eventStates)[number]

/** Which events a list holds; what is left out does not matter. */
export interface EventFilter {
  readonly state?: EventState | undefined
  readonly provider?: string | undefined
  readonly type?: string | undefined
  /** Text that the reason of the quarantine holds. */
  readonly reason?: string | undefined
  /** Received at this time or later; epoch milliseconds. */
  readonly from?: number | undefined
  /** Received before this time; epoch milliseconds. */
  readonly to?: number | undefined
}

/** Where the next page begins: after this event. */
export interface EventPosition {
  readonly receivedAt: string
  readonly provider: string
  readonly id: string
}

/** An event as lists tell it: nothing that names a person, and not the payload. */
export type ListedEvent = Pick<
  Event,
  | 'provider'
  | 'eventId'
  | 'emailId'
  | 'type'
  | 'occurredAt'
  | 'receivedAt'
  | 'appliedAt'
  | 'attempts'
  | 'quarantinedReason'
>

/** In the statement as it stands, since only a list that the planner sees implies the one of events_unknown. */
const knownTypes = Prisma.raw(`'{${[...providerEventTypes, registrationEventType].join(',')}}'`)

const inState: Readonly<Record<EventState, Prisma.Sql>> = {
  pending: Prisma.sql`applied_at IS NULL AND quarantined_reason IS NULL`,
  quarantined: Prisma.sql`quarantined_reason IS NOT NULL`,
  applied: Prisma.sql`applied_at IS NOT NULL`,
  unknown: Prisma.sql`type <> ALL (${knownTypes})`,
}

const iso = (epochMs: number): string => new Date(epochMs).toISOString()

/** What a filter asks beside the state. */
export const conditionsOf = ({ provider, type, reason, from, to }: Omit<EventFilter, 'state'>): Prisma.Sql[] =>
  [
    provider === undefined ? null : Prisma.sql`provider = ${provider}`,
    type === undefined ? null : Prisma.sql`type = ${type}`,
    reason === undefined ? null : Prisma.sql`strpos(quarantined_reason, ${reason}) > 0`,
    from === undefined ? null : Prisma.sql`received_at >= ${iso(from)}::timestamptz`,
    to === undefined ? null : Prisma.sql`received_at < ${iso(to)}::timestamptz`,
  ].filter((condition) => condition !== null)

/**
 * Events after `after`, newest first. Indexes: events_pending, events_quarantined, events_applied and events_unknown, by
 * state; without one the first three together. Provider, type and reason only filter what those yield.
 */
export function listEvents(
  db: Database,
  { state, ...filter }: EventFilter,
  after: EventPosition | null,
  limit: number,
): Promise<ListedEvent[]> {
  const conditions = [
    ...conditionsOf(filter),
    ...(after
      ? [
          Prisma.sql`(received_at, provider, event_id) < (${after.receivedAt}::timestamptz, ${after.provider}, ${after.id})`,
        ]
      : []),
  ]
  const order = Prisma.sql`ORDER BY received_at DESC, provider DESC, event_id DESC LIMIT ${limit}`
  const states = state === undefined ? (['pending', 'quarantined', 'applied'] as const) : [state]
  const lists = states.map(
    (each) => Prisma.sql`(SELECT * FROM events WHERE ${Prisma.join([inState[each], ...conditions], ' AND ')} ${order})`,
  )
  return db.$queryRaw`
    SELECT provider, event_id AS "eventId", email_id AS "emailId", type, occurred_at AS "occurredAt",
           received_at AS "receivedAt", applied_at AS "appliedAt", attempts, quarantined_reason AS "quarantinedReason"
    FROM (${Prisma.join(lists, ' UNION ALL ')}) AS listed ${order}`
}

/** One event with all that is stored of it, or null. Index: events_pkey. */
export const findEvent = (db: Database, { provider, id }: EventKey): Promise<Event | null> =>
  db.event.findFirst({ where: { provider, eventId: id } })
