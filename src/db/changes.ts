/**
 * Statements on the log of changed emails. A place in it is a snapshot of the database (`pg_current_snapshot()`), since
 * transactions commit in another order than they are numbered: what one snapshot sees and an older one does not is
 * exactly what was committed between them, without gap or repeat.
 */
import type { Database } from './database.ts'

/** A place in the log, as PostgreSQL writes a snapshot: `xmin:xmax:` and the transactions between that were open. */
export type ChangePlace = string

/** Transactions are numbered in 64 bits, the first of them for PostgreSQL itself. */
const highestTransaction = 2n ** 63n - 1n

/** Whether a text that came from outside is a {@link ChangePlace}: PostgreSQL refuses one whose numbers do not ascend. */
export function isChangePlace(text: string): boolean {
  if (text.length > 4_000 || !/^\d{1,19}:\d{1,19}:(\d{1,19}(,\d{1,19})*)?$/.test(text)) return false
  const [xmin = 0n, xmax = 0n, ...open] = text.split(/[:,]/).filter(Boolean).map(BigInt)
  const ascends = open.every((xid, index) => xid >= xmin && xid < xmax && xid > (open[index - 1] ?? 0n))
  return xmin > 0n && xmin <= xmax && xmax <= highestTransaction && ascends
}

/**
 * Whether everything that changed since `place` is still in the log; not so if some of it was deleted, or if the place is
 * of another database than this.
 */
export async function isKeptSince(db: Database, place: ChangePlace): Promise<boolean> {
  const [row] = await db.$queryRaw<{ kept: boolean }[]>`
    SELECT pg_snapshot_xmin(${place}::pg_snapshot)::text::bigint >= pruned_below
       AND pg_snapshot_xmax(${place}::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS kept
    FROM analytics_state`
  return row?.kept ?? false
}

/** An email that changed, as it is now. */
export interface ChangedEmail {
  readonly id: string
  readonly provider: string
  readonly to: readonly string[]
  readonly subject: string | null
  readonly priority: string
  readonly tags: readonly string[]
  readonly status: string
  readonly delivery: string
  readonly opens: { readonly total: number; readonly human: number }
  readonly clicks: { readonly total: number; readonly human: number }
  /** Escalations of it that nobody has resolved. */
  readonly openEscalations: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The channel on which is told that something changed. It says no more than that: what did is in the log. */
export const changeChannel = 'email_changes'

/** Tells every instance that listens that there is something new. */
export const ringChangeBell = (db: Database): Promise<unknown> => db.$executeRaw`SELECT pg_notify(${changeChannel}, '')`

/** The place in the log after everything that is committed now. Reads no table. */
export async function currentPlace(db: Database): Promise<ChangePlace> {
  const [row] = await db.$queryRaw<{ place: string }[]>`SELECT pg_current_snapshot()::text AS place`
  if (!row) throw new Error('SELECT pg_current_snapshot() returned no row')
  return row.place
}

interface ChangedRow extends Omit<ChangedEmail, 'opens' | 'clicks'> {
  readonly txid: string
  readonly change_provider: string
  readonly change_id: string
  readonly opens_total: number
  readonly opens_human: number
  readonly clicks_total: number
  readonly clicks_human: number
}

/**
 * The emails that changed between two places, page by page, each once a page. One that was deleted meanwhile is left out.
 * Indexes: email_changes_pkey, emails_pkey, escalations_email_id_provider_reason_key.
 */
export async function* readChanges(
  db: Database,
  since: ChangePlace,
  until: ChangePlace,
  pageSize = 100,
): AsyncGenerator<ChangedEmail[]> {
  let after = { txid: '0', provider: '', id: '' }
  for (;;) {
    const rows = await db.$queryRaw<ChangedRow[]>`
      SELECT changes.txid::text, changes.provider AS change_provider, changes.email_id AS change_id,
             emails.id, emails.provider, emails."to", emails.subject, emails.priority, emails.tags, emails.status,
             emails.delivery, emails.opens_total, emails.opens_human, emails.clicks_total, emails.clicks_human,
             emails.created_at AS "createdAt", emails.updated_at AS "updatedAt",
             (SELECT count(*)::int FROM escalations
              WHERE escalations.email_id = emails.id AND escalations.provider = emails.provider
                AND escalations.state <> 'resolved') AS "openEscalations"
      FROM (
        SELECT txid, provider, email_id FROM email_changes
        WHERE txid >= pg_snapshot_xmin(${since}::pg_snapshot)::text::bigint
          AND txid < pg_snapshot_xmax(${until}::pg_snapshot)::text::bigint
          AND NOT pg_visible_in_snapshot(txid::text::xid8, ${since}::pg_snapshot)
          AND pg_visible_in_snapshot(txid::text::xid8, ${until}::pg_snapshot)
          AND (txid, provider, email_id) > (${after.txid}::bigint, ${after.provider}, ${after.id})
        ORDER BY txid, provider, email_id
        LIMIT ${pageSize}
      ) AS changes
      LEFT JOIN emails ON emails.id = changes.email_id AND emails.provider = changes.provider
      ORDER BY changes.txid, changes.provider, changes.email_id`
    const last = rows.at(-1)
    if (!last) return
    const latest = new Map(rows.map((row) => [JSON.stringify([row.provider, row.id]), row]))
    yield [...latest.values()].filter(({ id }) => id !== null).map(changedEmailOf)
    if (rows.length < pageSize) return
    after = { txid: last.txid, provider: last.change_provider, id: last.change_id }
  }
}

const changedEmailOf = (row: ChangedRow): ChangedEmail => ({
  id: row.id,
  provider: row.provider,
  to: row.to,
  subject: row.subject,
  priority: row.priority,
  tags: row.tags,
  status: row.status,
  delivery: row.delivery,
  opens: { total: row.opens_total, human: row.opens_human },
  clicks: { total: row.clicks_total, human: row.clicks_human },
  openEscalations: row.openEscalations,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})
