/** What the tests export, and how they read it: by DuckDB, as a user would. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Database } from '../../src/db/database.ts'
import { insertEvents } from '../../src/db/events.ts'
import { registrationEventType } from '../../src/domain/events.ts'
import { receivedEvent } from '../received-event.ts'

const hourMs = 3_600_000

/** The hour that began `count` hours before this one. */
export const hoursAgo = (count: number): number => thisHour - count * hourMs

/** Once: what is stored and what is asked for must not be of different hours. */
const thisHour = Math.floor(Date.now() / hourMs) * hourMs

export const people = ['ada@example.com', 'bob@example.com', 'grace@example.net'] as const

/** Two hours of events and emails, with a gap between: sent, opened, bounced, pending, quarantined; to one or several. */
export async function fill(db: Database, emails: number): Promise<void> {
  const events = Array.from({ length: emails }, (_, n) => eventsOf(n)).flat()
  await insertEvents(
    db,
    events.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    () => false,
  )
  await db.$executeRaw`
    UPDATE events SET applied_at = now(), failure_reason = CASE WHEN type = 'bounced' THEN 'unknown_recipient' END
    WHERE event_id NOT LIKE '%pending'`
  await db.$executeRaw`UPDATE events SET applied_at = NULL, quarantined_reason = 'too old' WHERE event_id LIKE '%0_opened'`
  await db.$executeRaw`
    INSERT INTO emails (id, provider, "to", recipients, recipient_domain, subject, tags, status, delivery, sent_at, delivered_at, created_at)
    SELECT email_id, provider, "to", "to", 'example.com', 'For ada@example.com', ARRAY['kind:test'], 'delivered', 'delivered',
           received_at, received_at + interval '2 seconds', received_at
    FROM events WHERE type = 'sent'`
}

function eventsOf(n: number) {
  const emailId = `em_${String(n).padStart(5, '0')}`
  const receivedAt = hoursAgo(n % 2 === 0 ? 5 : 3) + n
  const to = n % 10 === 1 ? [people[1], people[2]] : [people[0]]
  const one = { emailId, to, recipient: to[0] ?? null, receivedAt, payload: '{"secret":"payload"}', subject: 'For you' }
  return [
    receivedEvent({ ...one, id: `${emailId}_registered`, type: registrationEventType, recipient: null }),
    receivedEvent({ ...one, id: `${emailId}_sent`, type: 'sent' }),
    receivedEvent({ ...one, id: `${emailId}_opened`, type: 'opened', human: true }),
    ...(n % 20 === 0
      ? [
          receivedEvent({
            ...one,
            id: `${emailId}_bounced`,
            type: 'bounced',
            bounce: { class: 'hard', code: '5.1.1', message: 'ada' },
          }),
        ]
      : []),
    ...(n % 50 === 0 ? [receivedEvent({ ...one, id: `${emailId}_pending`, type: 'clicked' })] : []),
  ]
}

/** Writes objects of a store into a folder, where DuckDB reads them. */
export async function writeObjects(objects: ReadonlyMap<string, Buffer>, folder: string): Promise<void> {
  for (const [key, bytes] of objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), bytes)
  }
}

type DuckRow = Record<string, unknown>

/** Runs SQL; `exported` in it is the folder. */
export async function query(folder: string, sql: string): Promise<DuckRow[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const result = await connection.runAndReadAll(sql.replaceAll("'exported/", `'${folder}/`))
    return result.getRowObjectsJson() as DuckRow[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
