/** Statements that only the dashboard's pages need. */
import type { Database } from './database.ts'
import { type EmailFilter, type EmailPosition, emailOfRow } from './emails-read.ts'
import type { EventKey } from './event-key.ts'
import { type Email, Prisma } from './generated/client.ts'

/** The number of newest emails that are searched before the index is used. */
const newestSearched = 2_000
/** The limit of matches from the index, which PostgreSQL cannot return newest first. */
const matchLimit = 5_000

/**
 * Emails after `after` whose subject has words with all the prefixes `words`, newest first. A frequent word is found among the
 * newest emails, a rare one by its index. With more than {@link matchLimit} matches, further pages may be incomplete, so that no
 * search reads a large table. Indexes: emails_created_at_id_provider_idx, emails_subject_words.
 * @param words letters and digits only.
 */
export async function findEmailsBySubject(
  db: Database,
  words: readonly string[],
  filter: Pick<EmailFilter, 'status' | 'priority' | 'tag' | 'reason'>,
  after: EmailPosition | null,
  limit: number,
): Promise<Email[]> {
  const query = words.map((word) => `${word}:*`).join(' & ')
  const { createdAt, id, provider } = after ?? { createdAt: 'infinity', id: '', provider: '' }
  const isBefore = Prisma.sql`(created_at, id, provider) < (${createdAt}::timestamptz, ${id}::text, ${provider}::text)`
  const matches = Prisma.sql`to_tsvector('simple', coalesce(subject, '')) @@ to_tsquery('simple', ${query})`
  const filtered = Prisma.sql`(${filter.status ?? null}::text IS NULL OR status = ${filter.status ?? null})
    AND (${filter.priority ?? null}::text IS NULL OR priority = ${filter.priority ?? null})
    AND (${filter.reason ?? null}::text IS NULL OR failure_reason = ${filter.reason ?? null})
    AND (${filter.tag ?? null}::text IS NULL OR tags @> ARRAY[${filter.tag ?? null}]::text[])`
  const newestFirst = Prisma.sql`ORDER BY created_at DESC, id DESC, provider DESC`

  const among = async (emails: Prisma.Sql, condition: Prisma.Sql) => {
    const rows = await db.$queryRaw<Record<string, unknown>[]>`
      WITH emails AS MATERIALIZED (${emails})
      SELECT * FROM emails WHERE ${condition} AND ${filtered} ${newestFirst} LIMIT ${limit}`
    return rows.map(emailOfRow)
  }
  const newest = Prisma.sql`SELECT * FROM emails WHERE ${isBefore} ${newestFirst} LIMIT ${newestSearched}`
  const found = await among(newest, matches)
  if (found.length === limit) return found
  return among(Prisma.sql`SELECT * FROM emails WHERE ${matches} LIMIT ${matchLimit}`, isBefore)
}

/** The exact text of an event's payload, since parsing would round large numbers; null if there is none. Index: events_pkey. */
export async function readPayload(db: Database, { provider, id }: EventKey): Promise<string | null> {
  const [row] = await db.$queryRaw<{ payload: string | null }[]>`
    SELECT payload::text AS payload FROM events WHERE provider = ${provider} AND event_id = ${id}`
  return row?.payload ?? null
}
