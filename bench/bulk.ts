/** Bulk-made history: as many emails as if the system had run for months, with the shares that real sending has. */
import pg from 'pg'

const chunk = 100_000

/**
 * Fills an empty, migrated database with `events` applied events, four an email, over the last 90 days. Triggers are off:
 * what they would note is history, too.
 */
export async function fill(url: string, events: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`SET session_replication_role = replica; SET synchronous_commit = off`)
  const emails = events / 4
  for (let from = 0; from < emails; from += chunk) {
    const range = [from, Math.min(emails, from + chunk) - 1, emails]
    await client.query(emailRows, range)
    await client.query(recipientRows, range.slice(0, 2))
    await client.query(eventRows, range)
    await client.query(identityRows, range)
  }
  await client.query(
    `INSERT INTO suppressions (address, reason, created_at)
     SELECT 's' || n || '@example.com', 'hard_bounce', now() - n * interval '1 minute' FROM generate_series(1, $1::int) AS n`,
    [Math.ceil(emails / 50)],
  )
  await client.query('VACUUM ANALYZE')
  await client.end()
}

/** Email n of m happened n/m of 90 days ago; the newest are the first. */
const at = `now() - interval '90 days' * (n::float8 / $3::int) - interval '1 hour'`

const emailRows = `
  INSERT INTO emails (id, provider, "to", recipients, recipient_domain, subject, tags, priority, status, delivery, revision,
                      sent_at, delivered_at, bounce_class, bounced_at, bounce_event_id, complained_at, first_received_at,
                      settled_received_at, created_at, updated_at)
  SELECT 'old_' || n, 'aisend', ARRAY['a' || n / 3 || '@example' || n % 50 || '.com'],
         ARRAY['a' || n / 3 || '@example' || n % 50 || '.com'], 'example' || n % 50 || '.com', 'Your order ' || n,
         CASE WHEN n % 4999 = 0 THEN ARRAY['rare'] ELSE ARRAY['campaign ' || n % 20] END,
         CASE WHEN n % 20 = 0 THEN 'critical' ELSE 'normal' END,
         CASE WHEN n % 1000 = 1 THEN 'complained' WHEN n % 50 = 2 THEN 'bounced' WHEN n % 3 = 0 THEN 'opened' ELSE 'delivered' END,
         CASE WHEN n % 50 = 2 THEN 'bounced' ELSE 'delivered' END, 3,
         ${at}, CASE WHEN n % 50 <> 2 THEN ${at} + interval '3 seconds' END,
         CASE WHEN n % 50 = 2 THEN 'hard' END, CASE WHEN n % 50 = 2 THEN ${at} END,
         CASE WHEN n % 50 = 2 THEN 'old_' || n || '/3' END, CASE WHEN n % 1000 = 1 THEN ${at} END, ${at}, ${at}, ${at}, ${at}
  FROM generate_series($1::int, $2::int) AS n`

/** As the workflow of an email with one recipient stores it: what is known of the email is known of the recipient. */
const recipientRows = `
  INSERT INTO email_recipients (provider, email_id, key, address, domain, created_at, status, delivery, sent_at, delivered_at,
                                bounce_class, bounced_at, bounce_event_id, complained_at, first_received_at, settled_received_at)
  SELECT provider, id, recipient_key(provider, id, recipients[1]), recipients[1], recipient_domain, created_at, status, delivery,
         sent_at, delivered_at, bounce_class, bounced_at, bounce_event_id, complained_at, first_received_at, settled_received_at
  FROM generate_series($1::int, $2::int) AS n JOIN emails ON id = 'old_' || n AND provider = 'aisend'`

/** The recipient of the nth email. */
export const addressOf = (n: number): string => `a${Math.floor(n / 3)}@example${n % 50}.com`

const eventRows = `
  INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, bounce_class, payload,
                      lease_until, applied_at)
  SELECT 'aisend', 'old_' || n || '/' || k, 'old_' || n,
         (CASE WHEN n % 50 = 2 THEN '{queued,sending,sent,bounced}' ELSE '{queued,sent,delivered,opened}' END::text[])[k + 1],
         ${at}, ${at}, ARRAY['a' || n / 3 || '@example' || n % 50 || '.com'], 'a' || n / 3 || '@example' || n % 50 || '.com',
         CASE WHEN n % 50 = 2 AND k = 3 THEN 'hard' END,
         json_build_object('id', 'old_' || n || '/' || k, 'type', 'email.opened', 'data', json_build_object('email_id', 'old_' || n)),
         ${at}, ${at}
  FROM generate_series($1::int, $2::int) AS n, generate_series(0, 3) AS k`

const identityRows = `
  INSERT INTO event_identities (provider, event_id, received_at)
  SELECT 'aisend', 'old_' || n || '/' || k, ${at} FROM generate_series($1::int, $2::int) AS n, generate_series(0, 3) AS k`
