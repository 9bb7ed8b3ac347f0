/** Reading bodies: exact bytes for webhooks, JSON for the rest, 1 MiB for both. */
import type { Context, Middleware } from 'koa'
import { koaBody } from 'koa-body'
import getRawBody from 'raw-body'
import { type BodyDeadlines, bodyTimeMs, defaultDeadlines } from './deadlines.ts'
import { Problem, tooLarge } from './problem.ts'

const bodyLimitBytes = 1_048_576

/**
 * The request's bytes as they came over the wire: what a signature is made over.
 * @throws Problem 413 before reading if Content-Length is over the limit, while reading otherwise; 408 if it is not
 * whole within the deadline; 415 if encoded.
 */
export function readRawBody(ctx: Context, deadlines: BodyDeadlines = defaultDeadlines): Promise<Buffer> {
  refuseBeforeReading(ctx)
  const length = ctx.req.headers['content-length'] ?? null
  return wholeWithin(bodyTimeMs(ctx.req, deadlines), getRawBody(ctx.req, { limit: bodyLimitBytes, length }))
}

/** The server's own deadline leaves time for a long upload, which these bodies are not. */
const wholeWithin = <T>(deadlineMs: number, reading: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = () => reject(new Problem(408, 'the body did not come in time', closing))
    const timer = setTimeout(late, deadlineMs)
    reading.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const closing = { headers: { Connection: 'close' } }

/**
 * A signature covers the bytes sent, and a limit the bytes read: compressed bodies would blur both.
 * @throws Problem 415 if the body is encoded.
 */
export function refuseEncoded(ctx: Context): void {
  const encoding = ctx.req.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem(415, 'send the body without Content-Encoding')
  }
}

function refuseBeforeReading(ctx: Context): void {
  refuseEncoded(ctx)
  if (Number(ctx.req.headers['content-length'] ?? 0) > bodyLimitBytes) throw tooLarge()
}

const parseJson = koaBody({
  json: true,
  jsonTypes: ['json', '+json'],
  jsonLimit: bodyLimitBytes,
  // A scalar is JSON too: the route's form says what it wants instead.
  jsonStrict: false,
  text: false,
  urlencoded: false,
  multipart: false,
  parsedMethods: ['POST', 'PUT', 'PATCH'] as never,
  onError: (error) => {
    throw error instanceof SyntaxError ? new Problem(400, 'the body is not JSON, or names __proto__') : error
  },
})

/**
 * Parses a JSON body into `ctx.request.body`; undefined if there is none.
 * @throws Problem 400 if it is not JSON, 408 if it does not come in time, 413 over 1 MiB, 415 if it says that it is
 * something else.
 */
export const jsonBodyWithin =
  (deadlines: BodyDeadlines): Middleware =>
  async (ctx, next) => {
    const { 'content-length': length, 'transfer-encoding': transfer } = ctx.req.headers
    const isEmpty = transfer === undefined && (length === undefined || length === '0')
    if (isEmpty) return next()
    refuseBeforeReading(ctx)
    if (!ctx.is('json', '+json')) throw new Problem(415, 'send JSON, with Content-Type: application/json')
    await wholeWithin(bodyTimeMs(ctx.req, deadlines), parseJson(ctx, async () => {}) as Promise<void>)
    return next()
  }
