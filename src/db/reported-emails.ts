/** Statements that find the email that a mail reports about. */
import type { Database } from './database.ts'

/** The email that was found, under the name of the provider that sent it. */
export interface FoundEmail {
  readonly id: string
  readonly provider: string
  /** Normalized. Empty if they are not known, or no event of the email is applied yet. */
  readonly recipients: readonly string[]
}

export interface ReportedNames {
  readonly project: string
  /** IDs of providers or of the application, the surest first. */
  readonly ids: readonly string[]
  /** Without angle brackets. */
  readonly messageIds: readonly string[]
}

/**
 * The email of the project that has one of these names: by the first name, of several emails the newest. Null if there is none.
 * Indexes: emails_pkey, emails_external_id, emails_metadata; for emails without an applied event, events_email_id_provider_idx.
 * The statement has no name, so that PostgreSQL plans it for its values.
 */
export async function findReportedEmail(
  { pool }: Database,
  { project, ids, messageIds }: ReportedNames,
): Promise<FoundEmail | null> {
  if (ids.length === 0 && messageIds.length === 0) return null
  const { rows } = await pool.query<FoundEmail>(storedEmail, [project, ids, messageIds])
  if (rows[0] || ids.length === 0) return rows[0] ?? null
  const unapplied = await pool.query<FoundEmail>(unappliedEmail, [project, ids])
  return unapplied.rows[0] ?? null
}

const storedEmail = `
  WITH named AS (
    SELECT emails.*, array_position($2::text[], id) AS place FROM emails WHERE id = ANY($2::text[])
    UNION ALL
    SELECT emails.*, array_position($2::text[], external_id) FROM emails WHERE external_id = ANY($2::text[])
    UNION ALL
    SELECT emails.*, cardinality($2::text[]) + at
      FROM unnest($3::text[]) WITH ORDINALITY AS message(message_id, at)
      JOIN emails ON metadata @> jsonb_build_object('message-id', message_id)
  )
  SELECT id, provider, recipients FROM named WHERE project_of(provider) = $1
  ORDER BY place, created_at DESC, provider DESC LIMIT 1`

const unappliedEmail = `
  SELECT email_id AS id, provider, ARRAY[]::text[] AS recipients FROM events
  WHERE email_id = ANY($2::text[]) AND project_of(provider) = $1
  ORDER BY array_position($2::text[], email_id), received_at DESC LIMIT 1`
