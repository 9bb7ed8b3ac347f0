/** A backlog as an outage of Temporal leaves it: events that are stored, that nobody has claimed, and that are not applied. */
import pg from 'pg'
import type { Priority } from '../src/domain/events.ts'

export interface StoredBacklog {
  readonly events: number
  /** Before the number in each email's ID. */
  readonly idPrefix: string
  /** What happened to each email, in this order. */
  readonly types: readonly string[]
  /** Default normal, which none of the emails was registered with. */
  readonly priority?: Priority
}

const chunk = 20_000

/**
 * Stores it past the receiver: `events` of `events / types.length` emails, each email's in the order of `types`, received in
 * the last minute.
 */
export async function storeBacklog(url: string, { events, idPrefix, types, priority }: StoredBacklog): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const emails = Math.floor(events / types.length)
  if (priority) await client.query(emailRows, [0, emails - 1, idPrefix, priority])
  const columns = await columnsOf(client)
  for (let from = 0; from < emails; from += chunk) {
    const to = Math.min(emails, from + chunk) - 1
    await client.query(eventRows(columns), [from, to, idPrefix, types, priority ?? 'normal'])
  }
  await client.query('VACUUM ANALYZE events')
  await client.end()
}

interface EventColumns {
  /** Until 0.3.3 an event that nobody holds is one whose lease has run out. */
  readonly isClaimOptional: boolean
  readonly hasPriority: boolean
}

async function columnsOf(client: pg.Client): Promise<EventColumns> {
  const { rows } = await client.query<{ column_name: string; is_nullable: string }>(
    `SELECT column_name, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'events'`,
  )
  return {
    isClaimOptional: rows.some((row) => row.column_name === 'lease_until' && row.is_nullable === 'YES'),
    hasPriority: rows.some((row) => row.column_name === 'priority'),
  }
}

const emailRows = `
  INSERT INTO emails (id, provider, "to", recipients, recipient_domain, priority, priority_named_at, status, delivery,
                      registered_at, registered_as_sent, first_received_at)
  SELECT $3 || n, 'aisend', ARRAY[$3 || n || '@example.com'], ARRAY[$3 || n || '@example.com'], 'example.com', $4, now(),
         'sent', 'sent', now(), true, now()
  FROM generate_series($1::int, $2::int) AS n`

/** Priorities as the inbox orders them: src/domain/events.ts names them from the most urgent on. */
const eventRows = ({ isClaimOptional, hasPriority }: EventColumns): string => `
  INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, payload,
                      lease_until${hasPriority ? ', priority' : ''})
  SELECT 'aisend', $3 || n || '/' || nth, $3 || n, type,
         now() - interval '1 minute' + nth * interval '1 second', now() - interval '1 minute' + nth * interval '1 ms',
         ARRAY[$3 || n || '@example.com'], $3 || n || '@example.com',
         CASE type WHEN 'aftersend.registered' THEN json_build_object('as', 'sent', 'priority', $5::text) ELSE '{}' END,
         ${isClaimOptional ? 'NULL' : `now() - interval '1 second'`}
         ${hasPriority ? `, array_position('{critical,normal,bulk}'::text[], $5::text) - 1` : ''}
  FROM generate_series($1::int, $2::int) AS n, unnest($4::text[]) WITH ORDINALITY AS happened(type, nth)`
