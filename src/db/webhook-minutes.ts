/** Statements on the numbers of genuine and refused webhooks. */
import type { Database } from './database.ts'

export interface WebhookCount {
  readonly provider: string
  readonly genuine: number
  readonly refused: number
}

/** Counts are deleted after this. */
const retainedDays = 30

/** Adds the counts of one instance to this minute, and deletes old counts. Index: webhook_minutes_pkey. */
export const addWebhookCounts = (db: Database, counts: readonly WebhookCount[]): Promise<number> => db.$executeRaw`
  WITH expired AS (
    DELETE FROM webhook_minutes
    WHERE provider = ANY(${counts.map(({ provider }) => provider)}::text[]) AND minute < now() - ${retainedDays} * interval '1 day'
  )
  INSERT INTO webhook_minutes AS existing (provider, minute, genuine, refused)
  SELECT provider, date_trunc('minute', now()), genuine, refused
  FROM unnest(${counts.map(({ provider }) => provider)}::text[], ${counts.map(({ genuine }) => genuine)}::int[],
              ${counts.map(({ refused }) => refused)}::int[]) AS counted(provider, genuine, refused)
  ORDER BY provider
  ON CONFLICT (provider, minute) DO UPDATE SET
    genuine = existing.genuine + excluded.genuine, refused = existing.refused + excluded.refused`

export interface ProviderTraffic {
  readonly provider: string
  readonly signatureFailures: number
  /** Within the same window. */
  readonly genuine: number
  readonly silentForMs: number
}

/** Silence is measured by emails younger than this: older ones may never get a webhook. */
const awaitingDays = 2

/**
 * By provider: webhooks with a wrong and with a right signature within `windowMs`, and the time for which emails have awaited a webhook. An email
 * awaits one if it was sent after the last webhook and is not settled. Indexes: webhook_minutes_pkey,
 * emails_status_created_at_id_provider_idx.
 */
export const readProviderTraffic = (db: Database, windowMs: number): Promise<ProviderTraffic[]> => db.$queryRaw`
  WITH counted AS (
    SELECT provider, max(minute) FILTER (WHERE genuine > 0) AS last_at,
           coalesce(sum(refused) FILTER (WHERE minute > now() - ${windowMs} * interval '1 ms'), 0)::int AS refused,
           coalesce(sum(genuine) FILTER (WHERE minute > now() - ${windowMs} * interval '1 ms'), 0)::int AS genuine
    FROM webhook_minutes GROUP BY provider
  ), awaiting AS (
    SELECT provider, min(created_at) AS since FROM emails LEFT JOIN counted USING (provider)
    -- A queued email may not have been handed to the provider yet.
    WHERE status IN ('sending', 'sent', 'deferred') AND settled_received_at IS NULL
      AND created_at > now() - ${awaitingDays} * interval '1 day'
      -- Counts are per minute: the webhook may be about an email sent within the same minute.
      AND created_at > coalesce(last_at + interval '1 minute', '-infinity')
    GROUP BY provider
  )
  SELECT provider, coalesce(refused, 0) AS "signatureFailures", coalesce(genuine, 0) AS genuine,
         coalesce(extract(epoch FROM now() - since) * 1000, 0)::float8 AS "silentForMs"
  FROM counted FULL JOIN awaiting USING (provider)`

/** The webhooks of one provider, for the setup page. */
export interface WebhookTraffic {
  /** The minute of the last genuine one; null if there is none among the stored counts. */
  readonly lastAt: Date | null
  /** The number of refused ones within {@link refusedWithinHours}. */
  readonly refused: number
}

export const refusedWithinHours = 24

/** By provider. Instances store their counts every few seconds. Index: webhook_minutes_pkey. */
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
