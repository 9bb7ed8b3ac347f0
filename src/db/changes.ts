/**
 * Statements on the log of changed emails. A cursor in it is a snapshot of the database (`pg_current_snapshot()`), since
 * transactions commit in another order than their numbers: the changes that one snapshot sees and an older one does not are
 * exactly those committed between them, without gaps or repeats.
 */
import type { Metadata } from '../domain/own-ids.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

/** A cursor in the log, in PostgreSQL's notation of a snapshot: `xmin:xmax:` and the open transactions between. */
export type ChangeCursor = string

/** Transaction numbers have 64 bits with a sign. */
const highestTransaction = 2n ** 63n - 1n

/** Whether a text from a client is a {@link ChangeCursor}. PostgreSQL refuses one whose numbers do not ascend. */
export function isChangeCursor(text: string): boolean {
  if (text.length > 4_000 || !/^\d{1,19}:\d{1,19}:(\d{1,19}(,\d{1,19})*)?$/.test(text)) return false
  const [xmin = 0n, xmax = 0n, ...open] = text.split(/[:,]/).filter(Boolean).map(BigInt)
  const ascends = open.every((xid, index) => xid >= xmin && xid < xmax && xid > (open[index - 1] ?? 0n))
  return xmin > 0n && xmin <= xmax && xmax <= highestTransaction && ascends
}

/** Whether the log still holds all changes since `cursor`. False if some were deleted, or the cursor is of another database. */
export async function isRetainedSince(db: Database, cursor: ChangeCursor): Promise<boolean> {
  const [row] = await db.$queryRaw<{ is_retained: boolean }[]>`
    SELECT pg_snapshot_xmin(${cursor}::pg_snapshot)::text::bigint >= pruned_below
       AND pg_snapshot_xmax(${cursor}::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS is_retained
    FROM analytics_state`
  return row?.is_retained ?? false
}

/** The present state of a changed email. */
export interface ChangedEmail {
  readonly id: string
  readonly provider: string
  readonly to: readonly string[]
  readonly subject: string | null
  readonly priority: string
  readonly tags: readonly string[]
  readonly externalId: string | null
  readonly metadata: Metadata
  readonly status: string
  readonly delivery: string
  readonly opens: { readonly total: number; readonly human: number }
  readonly clicks: { readonly total: number; readonly human: number }
  /** Its unresolved escalations. */
  readonly openEscalations: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The channel of notifications that the log has changed. Their payload is empty. */
export const changeChannel = 'email_changes'

/** Notifies all listening instances that the log has changed. */
export const notifyChanges = (db: Database): Promise<unknown> => db.$executeRaw`SELECT pg_notify(${changeChannel}, '')`

/** The cursor after all committed changes. Reads no table. */
export async function currentCursor(db: Database): Promise<ChangeCursor> {
  const [row] = await db.$queryRaw<{ cursor: string }[]>`SELECT pg_current_snapshot()::text AS cursor`
  if (!row) throw new Error('SELECT pg_current_snapshot() returned no row')
  return row.cursor
}

/** The end of a page of the log. */
export interface LogPosition {
  readonly txid: string
  readonly provider: string
  readonly emailId: string
}

/** The position before the first change. */
export const logStart: LogPosition = { txid: '0', provider: '', emailId: '' }

/** One page of the changes between two cursors, after a position, in the order of the log. Index: email_changes_pkey. */
export const changesBetween = (
  since: ChangeCursor,
  until: ChangeCursor,
  after: LogPosition,
  limit: number,
): Prisma.Sql =>
  Prisma.sql`
        SELECT txid, provider, email_id FROM email_changes
        WHERE txid >= pg_snapshot_xmin(${since}::pg_snapshot)::text::bigint
          AND txid < pg_snapshot_xmax(${until}::pg_snapshot)::text::bigint
          AND NOT pg_visible_in_snapshot(txid::text::xid8, ${since}::pg_snapshot)
          AND pg_visible_in_snapshot(txid::text::xid8, ${until}::pg_snapshot)
          AND (txid, provider, email_id) > (${after.txid}::bigint, ${after.provider}, ${after.emailId})
        ORDER BY txid, provider, email_id
        LIMIT ${limit}`

interface ChangedRow extends Omit<ChangedEmail, 'opens' | 'clicks' | 'metadata'> {
  readonly metadata: Metadata | null
  readonly txid: string
  readonly change_provider: string
  readonly change_id: string
  readonly opens_total: number
  readonly opens_human: number
  readonly clicks_total: number
  readonly clicks_human: number
}

/**
 * The emails that changed between two cursors, page by page, each once per page. Deleted emails are left out.
 * Indexes: email_changes_pkey, emails_pkey, escalations_email_id_provider_reason_key.
 */
export async function* readChanges(
  db: Database,
  since: ChangeCursor,
  until: ChangeCursor,
  pageSize = 100,
): AsyncGenerator<ChangedEmail[]> {
  let after = logStart
  for (;;) {
    const rows = await db.$queryRaw<ChangedRow[]>`
      SELECT changes.txid::text, changes.provider AS change_provider, changes.email_id AS change_id,
             emails.id, emails.provider, emails."to", emails.subject, emails.priority, emails.tags,
             emails.external_id AS "externalId", emails.metadata, emails.status,
             emails.delivery, emails.opens_total, emails.opens_human, emails.clicks_total, emails.clicks_human,
             emails.created_at AS "createdAt", emails.updated_at AS "updatedAt",
             (SELECT count(*)::int FROM escalations
              WHERE escalations.email_id = emails.id AND escalations.provider = emails.provider
                AND escalations.state <> 'resolved') AS "openEscalations"
      FROM (${changesBetween(since, until, after, pageSize)}) AS changes
      LEFT JOIN emails ON emails.id = changes.email_id AND emails.provider = changes.provider
      ORDER BY changes.txid, changes.provider, changes.email_id`
    const last = rows.at(-1)
    if (!last) return
    const latest = new Map(rows.map((row) => [JSON.stringify([row.provider, row.id]), row]))
    yield [...latest.values()].filter(({ id }) => id !== null).map(changedEmailOf)
    if (rows.length < pageSize) return
    after = { txid: last.txid, provider: last.change_provider, emailId: last.change_id }
  }
}

const changedEmailOf = (row: ChangedRow): ChangedEmail => ({
  id: row.id,
  provider: row.provider,
  to: row.to,
  subject: row.subject,
  priority: row.priority,
  tags: row.tags,
  externalId: row.externalId,
  metadata: row.metadata ?? {},
  status: row.status,
  delivery: row.delivery,
  opens: { total: row.opens_total, human: row.opens_human },
  clicks: { total: row.clicks_total, human: row.clicks_human },
  openEscalations: row.openEscalations,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})

/** Unseen changes are retained for this long if the roll-ups or the judging fail; then these start anew. */
const unseenRetainedMs = 24 * 3_600_000

/**
 * Marks the changes to delete: those older than `retainMs`, unless the roll-ups or the judging of engagements have not seen them
 * and they are less than a day old. Index: email_changes_pkey, from its old end.
 */
export const markPrunable = (db: Database, retainMs: number): Promise<unknown> => db.$executeRaw`
  UPDATE analytics_state SET pruned_below = greatest(pruned_below, least(
    greatest(
      least(pg_snapshot_xmin(place::pg_snapshot)::text::bigint, pg_snapshot_xmin(judged_place::pg_snapshot)::text::bigint),
      CASE WHEN (SELECT at FROM email_changes ORDER BY txid LIMIT 1) < now() - ${unseenRetainedMs} * interval '1 ms'
        THEN (SELECT txid FROM email_changes WHERE at >= now() - ${unseenRetainedMs} * interval '1 ms' ORDER BY txid LIMIT 1)
      END),
    (SELECT txid FROM email_changes WHERE at >= now() - ${retainMs} * interval '1 ms' ORDER BY txid LIMIT 1)))`

/**
 * Deletes marked changes, oldest first, at most `limit`, to stay within the statement timeout.
 * Index: email_changes_pkey, from its old end.
 * @returns the number of deleted changes; less than `limit` when no more are marked.
 */
export const pruneChanges = (db: Database, limit: number): Promise<number> => db.$executeRaw`
  DELETE FROM email_changes WHERE ctid = ANY(ARRAY(
    SELECT email_changes.ctid FROM email_changes
    WHERE txid < (SELECT pruned_below FROM analytics_state)
    ORDER BY txid, provider, email_id LIMIT ${limit}))`
