/** The limit, for bench/ack.ts: a bare Koa handler with the same HMAC and JSON, that stores nothing. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import getRawBody from 'raw-body'

const [, , secret = ''] = process.argv
const app = new Koa()
app.use(async (ctx) => {
  const rawBody = await getRawBody(ctx.req, { limit: '1mb', length: ctx.req.headers['content-length'] })
  const expected = createHmac('sha256', secret).update(rawBody).digest()
  const presented = Buffer.from(String(ctx.req.headers['x-webhook-signature']), 'hex')
  if (!timingSafeEqual(expected, presented)) ctx.throw(401)
  const event = JSON.parse(rawBody.toString('utf8')) as { id?: string }
  ctx.body = { received: event.id ? 1 : 0, duplicates: 0 }
})
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit(0))
