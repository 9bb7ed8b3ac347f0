/** Statements on the progress of the scheduled export, and on which hours are complete. */
import { setTimeout as pause } from 'node:timers/promises'
import { settlingMs } from './analytics-rollups.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { Prisma } from './generated/client.ts'

/**
 * Starts the export to a target, unless it is under way: all hours of events and of emails are to be exported then.
 * Index: analytics_rollups_pkey.
 */
export async function beginExport(db: Database, target: string): Promise<void> {
  if ((await db.exportState.findFirst())?.target === target) return
  await db.$transaction(async (transaction) => {
    // As each step of the roll-ups does: it marks the hours that it counts for the export, if there is one.
    await transaction.$queryRaw`SELECT FROM analytics_state FOR UPDATE`
    await transaction.$executeRaw`
      INSERT INTO export_state AS known (target) VALUES (${target})
      ON CONFLICT (id) DO UPDATE SET target = excluded.target, events_through = NULL`
    await transaction.$executeRaw`
      INSERT INTO export_hours AS known (hour)
      SELECT DISTINCT starts_at FROM analytics_rollups WHERE grain = 'hour' AND dimension = 'all' ORDER BY starts_at
      ON CONFLICT (hour) DO UPDATE SET changes = known.changes + 1`
  })
}

/**
 * The time before which every hour has ended and settled. An event is stored within seconds of its receipt, and most opens are judged
 * and most emails delivered by then.
 */
export async function readEndedHours(db: Database): Promise<Date> {
  const [row] = await db.$queryRaw<{ ended: Date }[]>`
    SELECT date_trunc('hour', now() - ${settlingMs} * interval '1 ms', 'UTC') AS ended`
  if (!row) throw new Error('SELECT now() returned no row')
  return row.ended
}

const lookAgainMs = 100

/**
 * Waits until every transaction has ended that is writing now: none can add an event to an hour that {@link readEndedHours} returned
 * before. One that begins later does not: statements that store an event are cancelled after a minute at most.
 * @returns whether they ended within `deadlineMs`.
 */
export async function whenWritersEnded(
  db: Database,
  { deadlineMs, onWait }: { readonly deadlineMs: number; readonly onWait: () => void },
): Promise<boolean> {
  // A number of its own, since a snapshot does not name the transactions after the last that has ended.
  const [row] = await db.$queryRaw<{ latest: string }[]>`SELECT pg_current_xact_id()::text AS latest`
  const endsAt = performance.now() + deadlineMs
  for (;;) {
    const [seen] = await db.$queryRaw<{ ended: boolean }[]>`
      SELECT pg_snapshot_xmin(pg_current_snapshot()) > ${row?.latest}::xid8 AS ended`
    if (seen?.ended) return true
    if (performance.now() >= endsAt) return false
    onWait()
    await pause(lookAgainMs)
  }
}

const firstOf = (which: string, from: string): Prisma.Sql => Prisma.sql`
  (SELECT received_at FROM events WHERE ${Prisma.raw(which)} AND received_at >= ${from}::timestamptz
   ORDER BY received_at LIMIT 1)`

/** The conditions of three indexes. Every event meets one of them, and no event two. */
export const indexedStates = [
  'applied_at IS NOT NULL AND quarantined_reason IS NULL',
  'applied_at IS NULL AND quarantined_reason IS NULL',
  'quarantined_reason IS NOT NULL',
] as const

const hourOf = (time: Prisma.Sql): Prisma.Sql => Prisma.sql`SELECT date_trunc('hour', ${time}, 'UTC') AS hour`

type FindHour = (db: Database, from: Date) => Promise<Date | null>

const hourIn = async (db: Database, query: Prisma.Sql): Promise<Date | null> =>
  (await db.$queryRaw<{ hour: Date | null }[]>(query))[0]?.hour ?? null

/** The first hour from `from` on in which an event was received. Indexes: events_applied, events_pending, events_quarantined. */
export const nextEventHour: FindHour = (db, from) =>
  hourIn(db, hourOf(Prisma.sql`least(${Prisma.join(indexedStates.map((state) => firstOf(state, iso(from))))})`))

/** The first hour from `from` on in which an email was first stored. Index: emails_created_at_id_provider_idx. */
export const nextEmailHour: FindHour = (db, from) =>
  hourIn(
    db,
    hourOf(Prisma.sql`
      (SELECT created_at FROM emails WHERE created_at >= ${iso(from)}::timestamptz ORDER BY created_at LIMIT 1)`),
  )

/** The next hour of events to export; null: none is left before `ended`. */
export async function nextEventsToExport(db: Database, ended: Date): Promise<Date | null> {
  const state = await db.exportState.findFirst()
  const hour = state && (await nextEventHour(db, state.eventsThrough ?? new Date(0)))
  return hour && hour < ended ? hour : null
}

/** Records that the events of all hours before `through` are exported. Index: export_state_pkey. */
export const recordEventsThrough = (db: Database, target: string, through: Date): Promise<unknown> => db.$executeRaw`
  UPDATE export_state SET events_through = greatest(events_through, ${iso(through)}::timestamptz) WHERE target = ${target}`

/** The oldest hour of emails to export, with how often it was marked; null: none is left before `ended`. Index: export_hours_pkey. */
export const nextEmailsToExport = (db: Database, ended: Date) =>
  db.exportHour.findFirst({ where: { hour: { lt: ended } }, orderBy: { hour: 'asc' } })

/** Removes the mark of an exported hour, unless it was marked again meanwhile. Index: export_hours_pkey. */
export const recordEmailsOf = (
  db: Database,
  { hour, changes }: { readonly hour: Date; readonly changes: bigint },
): Promise<unknown> => db.exportHour.deleteMany({ where: { hour, changes } })
