/** Reads request bodies: exact bytes for webhooks, JSON for the rest; 1 MiB at most, unless a provider's batches are longer. */
import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { koaBody } from 'koa-body'
import getRawBody from 'raw-body'
import { type BodyDeadlines, bodyTimeMs, defaultDeadlines } from './deadlines.ts'
import { Problem, tooLarge, unavailable } from './problem.ts'

const bodyLimitBytes = 1_048_576

/**
 * The request's bytes exactly as sent, which a signature is computed over.
 * @throws Problem 413 over the limit, before reading if Content-Length says so; 408 if the body is not complete by the
 * deadline; 415 if it is encoded.
 * @param limitBytes default 1 MiB.
 */
export function readRawBody(
  ctx: Context,
  deadlines: BodyDeadlines = defaultDeadlines,
  limitBytes = bodyLimitBytes,
): Promise<Buffer> {
  refuseBeforeReading(ctx, limitBytes)
  const length = ctx.req.headers['content-length'] ?? null
  const reading = getRawBody(ctx.req, { limit: limitBytes, length })
  const counted = (ctx.state as BodyState).bodies?.count(ctx.req, reading) ?? reading
  return completeWithin(bodyTimeMs(ctx.req, deadlines), counted).catch((error: { type?: unknown }) => {
    throw error.type === 'entity.too.large' ? tooLarge(limitBytes) : error
  })
}

interface BodyState {
  bodies?: ReturnType<typeof createBodyBudget>
}

/**
 * Limits the bytes of bodies that are being read, over all requests: whoever has no key could else fill the memory with thousands of
 * bodies of 1 MiB. The request that passes the limit gets 503.
 * @param maxBytes default 256 MiB.
 */
export function limitBodiesInFlight(maxBytes = 256 * 1_048_576): Middleware {
  const bodies = createBodyBudget(maxBytes)
  return (ctx, next) => {
    ;(ctx.state as BodyState).bodies = bodies
    return next()
  }
}

function createBodyBudget(maxBytes: number) {
  let inFlight = 0
  return {
    /** To be called at once after `reading` was started, so that both see all bytes. */
    count: (request: IncomingMessage, reading: Promise<Buffer>): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        let received = 0
        const add = ({ length }: Buffer) => {
          received += length
          inFlight += length
          if (inFlight > maxBytes) reject(busy())
        }
        request.on('data', add)
        reading.then(resolve, reject).finally(() => {
          request.off('data', add)
          inFlight -= received
        })
      }),
  }
}

const busy = () => unavailable('too many bodies are being received: send the request again', closing.headers)

/** The server's own deadline allows for long uploads, which these bodies are not. */
const completeWithin = <T>(deadlineMs: number, reading: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = () =>
      reject(new Problem(408, 'the body was not received in time: send the whole request within 15 seconds', closing))
    const timer = setTimeout(late, deadlineMs)
    reading.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const closing = { headers: { Connection: 'close' } }

/**
 * A signature and the size limit apply to the bytes sent, so compressed bodies are refused.
 * @throws Problem 415 if the body is encoded.
 */
export function refuseEncoded(ctx: Context): void {
  const encoding = ctx.req.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem(415, 'compressed bodies are not supported: send the body without Content-Encoding')
  }
}

function refuseBeforeReading(ctx: Context, limitBytes = bodyLimitBytes): void {
  refuseEncoded(ctx)
  if (Number(ctx.req.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes)
}

const parseJson = koaBody({
  json: true,
  jsonTypes: ['json', '+json'],
  jsonLimit: bodyLimitBytes,
  // A scalar is JSON too: the route's schema says what it must be instead.
  jsonStrict: false,
  text: false,
  urlencoded: false,
  multipart: false,
  parsedMethods: ['POST', 'PUT', 'PATCH'] as never,
  onError: (error) => {
    throw error instanceof SyntaxError ? new Problem(400, 'the body must be JSON without the key __proto__') : error
  },
})

/**
 * Parses a JSON body into `ctx.request.body`; undefined if there is none.
 * @throws Problem 400 if it is not JSON, 408 if it is not received in time, 413 over 1 MiB, 415 for another Content-Type.
 */
export const jsonBodyWithin =
  (deadlines: BodyDeadlines): Middleware =>
  async (ctx, next) => {
    const { 'content-length': length, 'transfer-encoding': transfer } = ctx.req.headers
    const isEmpty = transfer === undefined && (length === undefined || length === '0')
    if (isEmpty) return next()
    refuseBeforeReading(ctx)
    if (!ctx.is('json', '+json')) throw new Problem(415, 'the body must be JSON, and Content-Type application/json')
    await completeWithin(bodyTimeMs(ctx.req, deadlines), parseJson(ctx, async () => {}) as Promise<void>)
    return next()
  }
