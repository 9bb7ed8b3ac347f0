/** Tokens of signatures that do not cover the body. */
import type { Database } from './database.ts'

/** A token outlives the time for which adapters take a signature: then its timestamp alone refuses it. */
const forgottenAfterMs = 12 * 3_600_000

/**
 * Notes that a token came with an event, and forgets a few that are old enough, so that the table stays small by itself.
 * @returns whether the token is new, or came with this very event before. Indexes: webhook_tokens_pkey,
 * webhook_tokens_seen_at_idx.
 */
export async function claimWebhookToken(
  db: Database,
  { provider, token, event }: { readonly provider: string; readonly token: string; readonly event: string },
): Promise<boolean> {
  const [row] = await db.$queryRaw<{ is_same: boolean }[]>`
    WITH forgotten AS (
      DELETE FROM webhook_tokens WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM webhook_tokens WHERE seen_at < now() - ${forgottenAfterMs} * interval '1 ms'
        ORDER BY seen_at LIMIT 10 FOR UPDATE SKIP LOCKED
      ))
    )
    INSERT INTO webhook_tokens AS kept (provider, token, event) VALUES (${provider}, ${token}, ${event})
    ON CONFLICT (provider, token) DO UPDATE SET event = kept.event
    RETURNING event = ${event} AS is_same`
  return row?.is_same ?? false
}
