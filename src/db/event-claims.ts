/** Statements on claims: which instance signals an event, and until when. */
import { type EmailKey, type LifecycleEvent, type Priority, priorities } from '../domain/events.ts'
import { receivedBetween } from '../domain/received-between.ts'
import { type Database, statementNameOf } from './database.ts'
import type { StoredEventKey } from './event-key.ts'
import { Prisma } from './generated/client.ts'
import { receivedBounds } from './received-between.ts'
import { eventOfRow, type SignalRow, signalColumns } from './signalled-events.ts'

/**
 * The lease of a claimed event: if it is not applied by then, it is signalled again. It doubles with each attempt, up to 16 minutes,
 * and is not renewed: a second signal has no effect. 30 seconds are long for a workflow task, and a short delay after an instance
 * was killed.
 */
export const leaseMs = 30_000

/** Longer than any lease: such a lease was taken before PostgreSQL's clock was set back. */
const impossibleLeaseMs = 40 * leaseMs

/** An unapplied event with the arguments of its signal. */
export interface RelayedEvent {
  readonly email: EmailKey
  readonly event: LifecycleEvent
  readonly priority: Priority
  readonly recipientDomain: string | null
  /** The provider's further account whose webhook received it; null for the first account, or no webhook. */
  readonly account: string | null
}

export interface ClaimLimits {
  /** The limit of claimed and unapplied events, over all instances. */
  readonly window: number
  /** The limit of newly claimed emails. Their events are claimed together. */
  readonly emails: number
}

export interface Claim {
  readonly events: readonly RelayedEvent[]
  /** Claimed and unapplied events, including these. */
  readonly inFlight: number
  /** Whether there may be further unclaimed events. */
  readonly hasMore: boolean
}

/** The priority as a number, as the column stores it. */
export const rankOf = (priority: Priority): number => priorities.indexOf(priority)
export const priorityOfRank = (rank: number): Priority => priorities[rank] ?? 'normal'

interface ClaimedRow extends SignalRow {
  readonly provider: string
  readonly email_id: string
  readonly priority: number
  readonly recipient_domain: string | null
  readonly account: string | null
}

const isPending = 'applied_at IS NULL AND quarantined_reason IS NULL'
const key = 'provider, event_id, email_id, received_at'

/** Unclaimed events of one priority, the newest first. */
const newestOf = (rank: number): string => `
    SELECT ${key}, priority FROM events WHERE ${isPending} AND lease_until IS NULL AND priority = ${rank}
    ORDER BY received_at DESC LIMIT (SELECT emails / 2 FROM room) FOR UPDATE SKIP LOCKED`

/** Older events of the same email are claimed separately: finding them here would search every month. */
const siblingsWithin = "interval '31 days'"
const siblingLimit = 1_000

/** The limit up to which claimed events are counted. Above it, the window has no room. */
const countLimit = 5_000

/**
 * Tables are read by `= ANY(ARRAY(…))` without conditions that another index could serve: a plan made on an empty table would scan
 * the whole table for joins and such conditions. `(… IN (SELECT …)) IS TRUE` is a hash lookup, where a join could be a nested loop.
 */
const claimStatement = `
  WITH flight AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE lease_until > now() AND attempts <= 1)::int AS first,
           count(*) FILTER (WHERE lease_until > now() AND attempts > 1)::int AS again,
           count(*) FILTER (WHERE lease_until <= now())::int AS overdue
    FROM (SELECT lease_until, attempts FROM events WHERE ${isPending} AND lease_until > '-infinity'
          ORDER BY lease_until DESC LIMIT ${countLimit}) AS claimed
  ), room AS MATERIALIZED (
    -- Stuck workflows take at most three quarters of the window, and a few at a time are retried.
    SELECT first + again AS in_flight,
           greatest(0, least($2::int, $1::int - first - least(again + overdue, $1::int * 3 / 4))) AS emails,
           greatest(0, least($2::int, $1::int / 8 - again)) AS again
    FROM flight
  ), overdue AS MATERIALIZED (
    SELECT ${key} FROM events WHERE ${isPending} AND lease_until <= now()
    ORDER BY lease_until LIMIT (SELECT again FROM room) FOR UPDATE SKIP LOCKED
  ), stranded AS MATERIALIZED (
    SELECT ${key} FROM events WHERE ${isPending} AND lease_until > now() + ${impossibleLeaseMs} * interval '1 ms'
    ORDER BY lease_until LIMIT $2::int FOR UPDATE SKIP LOCKED
  ), oldest AS MATERIALIZED (
    SELECT ${key} FROM events WHERE ${isPending} AND lease_until IS NULL
    ORDER BY priority, received_at LIMIT (SELECT (emails + 1) / 2 FROM room) FOR UPDATE SKIP LOCKED
  ), newest_critical AS MATERIALIZED (${newestOf(0)}
  ), newest_normal AS MATERIALIZED (${newestOf(1)}
  ), newest_bulk AS MATERIALIZED (${newestOf(2)}
  ), newest AS MATERIALIZED (
    SELECT ${key} FROM (
      SELECT * FROM newest_critical UNION ALL SELECT * FROM newest_normal UNION ALL SELECT * FROM newest_bulk
    ) AS ends ORDER BY priority LIMIT (SELECT emails / 2 FROM room)
  ), seeds AS MATERIALIZED (
    SELECT * FROM overdue UNION SELECT * FROM stranded UNION SELECT * FROM oldest UNION SELECT * FROM newest
  ), siblings AS MATERIALIZED (
    SELECT ${key} FROM events
    WHERE email_id = ANY(ARRAY(SELECT email_id FROM seeds))
      AND ((provider, email_id) IN (SELECT provider, email_id FROM seeds)) IS TRUE
      AND received_at > now() - ${siblingsWithin}
      AND num_nonnulls(applied_at, quarantined_reason) = 0 AND coalesce(lease_until, '-infinity') < now()
    LIMIT ${siblingLimit}
    FOR UPDATE SKIP LOCKED
  ), due AS MATERIALIZED (
    SELECT * FROM seeds UNION SELECT * FROM siblings
  ), claimed AS (
    UPDATE events SET attempts = attempts + 1,
      lease_until = now() + ${leaseMs} * power(2, least(attempts, 5)) * interval '1 ms'
    WHERE provider = ANY(ARRAY(SELECT provider FROM due)) AND event_id = ANY(ARRAY(SELECT event_id FROM due))
      AND received_at BETWEEN (SELECT min(received_at) FROM due) AND (SELECT max(received_at) FROM due)
      AND ((provider, event_id) IN (SELECT provider, event_id FROM due)) IS TRUE
    RETURNING *
  )
  SELECT room.in_flight, (SELECT count(*) FROM oldest)::int AS oldest, room.emails,
         claimed.provider, claimed.email_id, claimed.priority, account, ${signalColumns('claimed')},
         coalesce(known.recipient_domain, nullif(split_part(recipient, '@', 2), '')) AS recipient_domain
  FROM room LEFT JOIN claimed ON true LEFT JOIN LATERAL (
    SELECT recipient_domain FROM emails
    WHERE id = claimed.email_id AND provider = claimed.provider LIMIT 1
  ) AS known ON true
  ORDER BY received_at`

/**
 * Claims pending events: unclaimed ones by priority, within a priority half from the oldest and half from the newest; a few with an
 * expired lease; and the other pending events of the same emails, since each separate claim of an email's events costs a signal and
 * a workflow task. Skips rows that another instance is claiming.
 * Indexes: events_unclaimed, events_waiting, events_email_id_provider_idx, events_pkey, emails_pkey.
 */
export async function claimEvents({ pool }: Database, { window, emails }: ClaimLimits): Promise<Claim> {
  const { rows } = await pool.query<(ClaimedRow | NothingClaimed) & RoomColumns>({
    name: statementNameOf(claimStatement),
    text: claimStatement,
    values: [window, emails],
  })
  const claimed = rows.filter((row): row is ClaimedRow & RoomColumns => row.event_id !== null)
  const [room] = rows
  return {
    events: claimed.map(relayedEventOf),
    inFlight: (room?.in_flight ?? 0) + claimed.length,
    hasMore: room !== undefined && room.emails > 0 && room.oldest >= Math.floor((room.emails + 1) / 2),
  }
}

/** In every row of a claim: the figures before it. */
interface RoomColumns {
  readonly in_flight: number
  readonly oldest: number
  readonly emails: number
}

interface NothingClaimed {
  readonly event_id: null
}

const relayedEventOf = (row: ClaimedRow): RelayedEvent => ({
  email: { provider: row.provider, emailId: row.email_id },
  event: eventOfRow(row),
  priority: priorityOfRank(row.priority),
  recipientDomain: row.recipient_domain,
  account: row.account,
})

/** A condition without a join, which a plan made on an empty table would execute as a scan. @param keys at least one. */
function arePending(keys: readonly StoredEventKey[]): Prisma.Sql {
  const [from, to] = receivedBounds(receivedBetween(keys))
  const [providers, ids] = [keys.map(({ provider }) => provider), keys.map(({ id }) => id)]
  return Prisma.sql`received_at BETWEEN ${from}::timestamptz AND ${to}::timestamptz
    AND provider = ANY(${[...new Set(providers)]}) AND event_id = ANY(${ids})
    AND ((provider, event_id) IN (SELECT * FROM unnest(${providers}::text[], ${ids}::text[]))) IS TRUE
    AND num_nonnulls(applied_at, quarantined_reason) = 0`
}

/** Releases claimed events: any instance may claim them at once. Index: events_pkey. */
export const releaseEvents = (db: Database, keys: readonly StoredEventKey[]): Promise<number> =>
  keys.length === 0
    ? Promise.resolve(0)
    : db.$executeRaw`
        UPDATE events SET lease_until = NULL, attempts = greatest(0, attempts - 1) WHERE ${arePending(keys)}`

/** Extends the lease of claimed events, since their workflow cannot accept them now. Index: events_pkey. */
export const deferEvents = (db: Database, keys: readonly StoredEventKey[], ms: number): Promise<number> =>
  db.$executeRaw`UPDATE events SET lease_until = now() + ${ms} * interval '1 ms' WHERE ${arePending(keys)}`

/** An event that Temporal refuses at this attempt is quarantined. */
export const attemptLimit = 10

/**
 * Records that Temporal refused claimed events. The time to the next attempt doubles; at the {@link attemptLimit} they are
 * quarantined. Index: events_pkey.
 * @returns the events that are quarantined now.
 */
export const rejectEvents = (
  db: Database,
  keys: readonly StoredEventKey[],
  reason: string,
): Promise<{ provider: string; type: string }[]> => db.$queryRaw`
  WITH rejected AS (
    UPDATE events SET lease_until = now() + least(power(2, attempts), 600) * interval '1 second',
      quarantined_reason = CASE WHEN attempts >= ${attemptLimit} THEN ${reason} END
    WHERE ${arePending(keys)}
    RETURNING provider, type, quarantined_reason
  )
  SELECT provider, type FROM rejected WHERE quarantined_reason IS NOT NULL`
