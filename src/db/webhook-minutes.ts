/** Statements on how many webhooks came, and how many of them were not genuine. */
import type { Database } from './database.ts'

export interface WebhookCount {
  readonly provider: string
  readonly genuine: number
  readonly refused: number
}

/** For how long the counts are kept. */
const keptDays = 30

/** Adds what one instance has counted to this minute, and forgets what is old. Index: webhook_minutes_pkey. */
export const addWebhookCounts = (db: Database, counts: readonly WebhookCount[]): Promise<number> => db.$executeRaw`
  WITH forgotten AS (
    DELETE FROM webhook_minutes
    WHERE provider = ANY(${counts.map(({ provider }) => provider)}::text[]) AND minute < now() - ${keptDays} * interval '1 day'
  )
  INSERT INTO webhook_minutes AS kept (provider, minute, genuine, refused)
  SELECT provider, date_trunc('minute', now()), genuine, refused
  FROM unnest(${counts.map(({ provider }) => provider)}::text[], ${counts.map(({ genuine }) => genuine)}::int[],
              ${counts.map(({ refused }) => refused)}::int[]) AS counted(provider, genuine, refused)
  ORDER BY provider
  ON CONFLICT (provider, minute) DO UPDATE SET
    genuine = kept.genuine + excluded.genuine, refused = kept.refused + excluded.refused`

export interface ProviderTraffic {
  readonly provider: string
  readonly signatureFailures: number
  readonly silentForMs: number
}

/** Emails older than this wait for a webhook no more; silence is looked for among younger ones. */
const waitingDays = 2

/**
 * By provider: webhooks with a wrong signature within `windowMs`, and for how long emails have waited without any webhook.
 * An email waits if it was sent after the last webhook and is not settled. Indexes: webhook_minutes_pkey,
 * emails_status_created_at_id_provider_idx.
 */
export const readProviderTraffic = (db: Database, windowMs: number): Promise<ProviderTraffic[]> => db.$queryRaw`
  WITH counted AS (
    SELECT provider, max(minute) FILTER (WHERE genuine > 0) AS last_at,
           coalesce(sum(refused) FILTER (WHERE minute > now() - ${windowMs} * interval '1 ms'), 0)::int AS refused
    FROM webhook_minutes GROUP BY provider
  ), waiting AS (
    SELECT provider, min(created_at) AS since FROM emails LEFT JOIN counted USING (provider)
    -- One that is queued may not have been handed to the provider yet: it waits for its sender.
    WHERE status IN ('sending', 'sent', 'deferred') AND settled_received_at IS NULL
      AND created_at > now() - ${waitingDays} * interval '1 day'
      -- A count is of a whole minute: what was sent within it may be what the webhook was about.
      AND created_at > coalesce(last_at + interval '1 minute', '-infinity')
    GROUP BY provider
  )
  SELECT provider, coalesce(refused, 0) AS "signatureFailures",
         coalesce(extract(epoch FROM now() - since) * 1000, 0)::float8 AS "silentForMs"
  FROM counted FULL JOIN waiting USING (provider)`

/** One provider's webhooks, as its setup shows them. */
export interface WebhookTraffic {
  /** The minute of the last genuine one; null if none came for as long as counts are kept. */
  readonly lastAt: Date | null
  /** How many were not genuine, within {@link refusedWithinHours}. */
  readonly refused: number
}

export const refusedWithinHours = 24

/** By provider. Instances write down what they have counted every few seconds. Index: webhook_minutes_pkey. */
export async function readWebhookTraffic(
  db: Database,
  providers: readonly string[],
): Promise<ReadonlyMap<string, WebhookTraffic>> {
  const rows = await db.$queryRaw<({ provider: string } & WebhookTraffic)[]>`
    SELECT provider,
      (SELECT minute FROM webhook_minutes AS counted
       WHERE counted.provider = named.provider AND genuine > 0 ORDER BY minute DESC LIMIT 1) AS "lastAt",
      (SELECT coalesce(sum(refused), 0)::int FROM webhook_minutes AS counted
       WHERE counted.provider = named.provider AND minute > now() - ${refusedWithinHours} * interval '1 hour') AS refused
    FROM unnest(${[...providers]}::text[]) AS named(provider)`
  return new Map(rows.map(({ provider, ...traffic }) => [provider, traffic]))
}
