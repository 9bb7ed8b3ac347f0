/**
 * Statements that replay events: they release unapplied events, and any instance claims and signals them again. Applied events are
 * never replayed.
 */
import { unreadableEventType } from '../domain/events.ts'
import type { Database } from './database.ts'
import type { EventKey } from './event-key.ts'
import { conditionsOf, type EventFilter, type EventPosition } from './events-read.ts'
import { Prisma } from './generated/client.ts'

/** The result of a replay by key. */
export interface NamedReplay {
  readonly replayed: number
  /** Applied, being applied, or unreadable. */
  readonly skipped: number
  readonly missing: number
}

const resetChosen = Prisma.sql`UPDATE events SET quarantined_reason = NULL, attempts = 0, lease_until = NULL FROM chosen
  WHERE events.provider = chosen.provider AND events.event_id = chosen.event_id
    AND events.received_at = chosen.received_at RETURNING 1`

/** Replays these events if they are pending or quarantined. Index: events_pkey. */
export async function replayEvents(db: Database, keys: readonly EventKey[]): Promise<NamedReplay> {
  const [row] = await db.$queryRaw<{ named: number; found: number; replayed: number }[]>`
    WITH named AS (
      SELECT DISTINCT provider, event_id
      FROM unnest(${keys.map((key) => key.provider)}::text[], ${keys.map((key) => key.id)}::text[]) AS given(provider, event_id)
    ), chosen AS (
      SELECT events.provider, events.event_id, events.received_at FROM events JOIN named USING (provider, event_id)
      WHERE applied_at IS NULL AND type <> ${unreadableEventType}
      FOR UPDATE OF events SKIP LOCKED
    ), replayed AS (${resetChosen})
    SELECT (SELECT count(*)::int FROM named) AS named,
           (SELECT count(*)::int FROM named JOIN events USING (provider, event_id)) AS found,
           (SELECT count(*)::int FROM replayed) AS replayed`
  const { named, found, replayed } = row ?? { named: 0, found: 0, replayed: 0 }
  return { replayed, skipped: found - replayed, missing: named - found }
}

/**
 * Replays quarantined events, the oldest first. Index: events_quarantined.
 * @returns their number, and the last of them if there may be more.
 */
export async function replayQuarantined(
  db: Database,
  filter: Omit<EventFilter, 'state'>,
  after: EventPosition | null,
  limit: number,
): Promise<{ replayed: number; last: EventPosition | null }> {
  const conditions = [
    Prisma.sql`quarantined_reason IS NOT NULL AND applied_at IS NULL AND type <> ${unreadableEventType}`,
    ...conditionsOf(filter),
    ...(after
      ? [
          Prisma.sql`(received_at, provider, event_id) > (${after.receivedAt}::timestamptz, ${after.provider}, ${after.id})`,
        ]
      : []),
  ]
  const rows = await db.$queryRaw<{ replayed: number; received_at: Date; provider: string; event_id: string }[]>`
    WITH chosen AS (
      SELECT provider, event_id, received_at FROM events WHERE ${Prisma.join(conditions, ' AND ')}
      ORDER BY received_at, provider, event_id
      LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ), replayed AS (${resetChosen})
    SELECT (SELECT count(*)::int FROM replayed) AS replayed, received_at, provider, event_id
    FROM chosen ORDER BY received_at DESC, provider DESC, event_id DESC LIMIT 1`
  const [last] = rows
  if (!last) return { replayed: 0, last: null }
  const position = { receivedAt: last.received_at.toISOString(), provider: last.provider, id: last.event_id }
  return { replayed: last.replayed, last: last.replayed < limit ? null : position }
}
