/** Statements that list events for operators: pending, quarantined, applied or of unknown type. */
import { providerEventTypes, registrationEventType, subscriptionEventTypes } from '../domain/events.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import type { EventKey } from './event-key.ts'
import { type Event, Prisma } from './generated/client.ts'

/** Every event is pending, quarantined or applied. `unknown` selects events of unknown type in any of these states. */
export const eventStates = ['pending', 'quarantined', 'applied', 'unknown'] as const
export type EventState = (typeof eventStates)[number]

/** Which events a list holds; an absent field does not filter. */
export interface EventFilter {
  readonly state?: EventState | undefined
  readonly provider?: string | undefined
  readonly type?: string | undefined
  /** A substring of the reason of the quarantine. */
  readonly reason?: string | undefined
  /** Received at this time or later; epoch milliseconds. */
  readonly from?: number | undefined
  /** Received before this time; epoch milliseconds. */
  readonly to?: number | undefined
}

/** The last event of a page. */
export interface EventPosition {
  readonly receivedAt: string
  readonly provider: string
  readonly id: string
}

/** An event in a list, without the payload and fields that identify a person. */
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

/** A literal: the planner uses events_unknown only if it knows the list. */
const knownTypes = Prisma.raw(`'{${[...providerEventTypes, registrationEventType].join(',')}}'`)

const subscriptionTypes = Prisma.raw(`'{${subscriptionEventTypes.join(',')}}'`)

const inState: Readonly<Record<EventState, Prisma.Sql>> = {
  pending: Prisma.sql`applied_at IS NULL AND quarantined_reason IS NULL`,
  quarantined: Prisma.sql`quarantined_reason IS NOT NULL`,
  applied: Prisma.sql`applied_at IS NOT NULL`,
  // The second condition is not part of the index, whose list is older.
  unknown: Prisma.sql`type <> ALL (${knownTypes}) AND type <> ALL (${subscriptionTypes})`,
}

/** The conditions of a filter, except for the state. */
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
 * state; without one the first three. Provider, type and reason filter their rows.
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

/** One event with all its columns, or null. Index: events_pkey. */
export const findEvent = (db: Database, { provider, id }: EventKey): Promise<Event | null> =>
  db.event.findFirst({ where: { provider, eventId: id } })
