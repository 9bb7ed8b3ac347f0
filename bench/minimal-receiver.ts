/**
 * The reference of bench/ack.ts: the least that makes a webhook durable before it is answered. Bare Koa, the same HMAC,
 * and a group commit: one `unnest` INSERT at a time, of all requests that wait, into one table with one unique index.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import pg from 'pg'
import getRawBody from 'raw-body'

const [, , url = '', secret = ''] = process.argv
const pool = new pg.Pool({ connectionString: url, max: 2 })
await pool.query(`
  CREATE TABLE IF NOT EXISTS minimal_events (
    event_id text NOT NULL, email_id text NOT NULL, type text NOT NULL, occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(), payload json NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS minimal_events_id ON minimal_events (event_id)`)

interface Webhook {
  readonly id: string
  readonly type: string
  readonly created_at: string
  readonly data: { readonly email_id: string }
}

interface WaitingRequest {
  readonly event: Webhook
  readonly payload: string
  readonly resolve: (isNew: boolean) => void
  readonly reject: (error: unknown) => void
}

let waiting: WaitingRequest[] = []
let isCommitting = false

async function insert(group: readonly WaitingRequest[]): Promise<Set<string>> {
  const { rows } = await pool.query<{ event_id: string }>({
    name: 'insert',
    text: `INSERT INTO minimal_events (event_id, email_id, type, occurred_at, payload)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::json[])
           ON CONFLICT DO NOTHING RETURNING event_id`,
    values: [
      group.map(({ event }) => event.id),
      group.map(({ event }) => event.data.email_id),
      group.map(({ event }) => event.type),
      group.map(({ event }) => event.created_at),
      group.map(({ payload }) => payload),
    ],
  })
  return new Set(rows.map((row) => row.event_id))
}

async function commitWhileWaiting(): Promise<void> {
  if (isCommitting) return
  isCommitting = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    try {
      const stored = await insert(group)
      for (const { event, resolve } of group) resolve(stored.delete(event.id))
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
  isCommitting = false
}

const app = new Koa()
app.use(async (ctx) => {
  const rawBody = await getRawBody(ctx.req, { limit: '1mb', length: ctx.req.headers['content-length'] })
  const expected = createHmac('sha256', secret).update(rawBody).digest()
  const presented = Buffer.from(String(ctx.req.headers['x-webhook-signature']), 'hex')
  if (!timingSafeEqual(expected, presented)) ctx.throw(401)
  const payload = rawBody.toString('utf8')
  const event = JSON.parse(payload) as Webhook
  const isNew = await new Promise<boolean>((resolve, reject) => {
    waiting.push({ event, payload, resolve, reject })
    void commitWhileWaiting()
  })
  ctx.body = { received: isNew ? 1 : 0, duplicates: isNew ? 0 : 1 }
})
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit(0))
