/** Statements on the tokens of signatures that do not cover the body. */
import type { Database } from './database.ts'

/** Longer than adapters accept a signature: after that, its timestamp is refused. */
const expiresAfterMs = 12 * 3_600_000

/**
 * Records a token with its event, and deletes a few expired tokens, so that the table stays small.
 * @returns whether the token is new or recorded for the same event. Indexes: webhook_tokens_pkey,
 * webhook_tokens_seen_at_idx.
 */
export async function claimWebhookToken(
  db: Database,
  { provider, token, event }: { readonly provider: string; readonly token: string; readonly event: string },
): Promise<boolean> {
  const [row] = await db.$queryRaw<{ is_same: boolean }[]>`
    WITH expired AS (
      DELETE FROM webhook_tokens WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM webhook_tokens WHERE seen_at < now() - ${expiresAfterMs} * interval '1 ms'
        ORDER BY seen_at LIMIT 10 FOR UPDATE SKIP LOCKED
      ))
    )
    INSERT INTO webhook_tokens AS existing (provider, token, event) VALUES (${provider}, ${token}, ${event})
    ON CONFLICT (provider, token) DO UPDATE SET event = existing.event
    RETURNING event = ${event} AS is_same`
  return row?.is_same ?? false
}
