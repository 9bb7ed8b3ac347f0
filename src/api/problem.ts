/** Errors as people and programs read them: RFC 9457 problem details, and nothing of our insides. */
import { randomInt } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { isUnavailable } from '../db/database.ts'
import { DatabaseUnavailableError, TemporalUnavailableError } from '../errors.ts'
import { InvalidEventError, VerificationUnavailableError } from '../providers/provider.ts'
import { CommandRefusedError } from '../temporal/lives.ts'
import { answerThenDrain } from './drain.ts'
import { requestIdOf, routeOf, withoutWords } from './request-log.ts'

/** One mistake in a request: where, and what is wanted there. */
export interface Mistake {
  readonly path: string
  readonly message: string
  /** For programs, where a message is for people: why an address is suppressed. */
  readonly reason?: string
}

export interface ProblemExtras {
  readonly headers?: Readonly<Record<string, string>>
  readonly errors?: readonly Mistake[]
}

/** An answer other than success. `detail` is one sentence for whoever sent the request. */
export class Problem extends Error {
  override name = 'Problem'
  readonly status: number
  readonly extras: ProblemExtras

  constructor(status: number, detail: string, extras: ProblemExtras = {}) {
    super(detail)
    this.status = status
    this.extras = extras
  }
}

/** Turns whatever is thrown further in into `application/problem+json`. Logs what the sender cannot mend. */
export function answerProblems(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      await answer(ctx, reportedProblem(log, ctx, error))
    }
  }
}

/** What the sender is told of `error`; what it cannot mend is logged. */
export function reportedProblem(log: Logger, ctx: Context, error: unknown): Problem {
  const problem = problemOf(error)
  report(log, ctx, problem, error)
  return problem
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof InvalidEventError) return new Problem(400, error.message)
  if (error instanceof VerificationUnavailableError) return unavailable(`${error.message}; send it again`)
  if (error instanceof CommandRefusedError) return new Problem(409, error.message)
  if (error instanceof TemporalUnavailableError) return unavailable('Temporal does not answer now; try again')
  if (error instanceof DatabaseUnavailableError || isUnavailable(error)) {
    return unavailable('PostgreSQL does not answer now; send it again')
  }
  return fromLibrary(error) ?? new Problem(500, 'This is a mistake of ours; the instance names it in our log')
}

/** Spread over some seconds, so that all who were sent away do not come back at once. */
const unavailable = (detail: string): Problem =>
  new Problem(503, detail, { headers: { 'Retry-After': String(randomInt(2, 6)) } })

/** Errors of Koa, raw-body and Node about the request itself. Their own words may quote it, so they are replaced. */
function fromLibrary(error: unknown): Problem | null {
  const { status, code, type } = error as { status?: unknown; code?: unknown; type?: unknown }
  if (code === 'ERR_INVALID_URL') return new Problem(400, 'the request target is no URL')
  if (type === 'request.aborted') return new Problem(400, 'the request ended before its body did')
  if (type === 'request.size.invalid') return new Problem(400, 'the body is not as long as Content-Length says')
  if (type === 'entity.too.large') return tooLarge()
  return typeof status === 'number' && status >= 400 && status < 500
    ? new Problem(status, 'the request cannot be read')
    : null
}

export const tooLarge = (): Problem =>
  new Problem(413, 'the body is larger than 1 MiB', { headers: { Connection: 'close' } })

function report(log: Logger, ctx: Context, problem: Problem, error: unknown): void {
  const facts = { requestId: requestIdOf(ctx), method: ctx.method, route: routeOf(ctx), status: problem.status }
  if (problem.status === 503) log.warn({ ...facts, err: withoutWords(error) }, problem.message)
  else if (problem.status >= 500) log.error({ ...facts, err: withoutWords(error) }, 'request failed')
  else log.info(facts, 'request refused')
}

async function answer(ctx: Context, { status, message, extras }: Problem): Promise<void> {
  if (!ctx.writable || ctx.headerSent) return
  ctx.status = status
  ctx.set({ ...extras.headers, 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' })
  ctx.body = JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    instance: `urn:uuid:${requestIdOf(ctx)}`,
    ...(extras.errors && { errors: extras.errors }),
  })
  if (status === 413) await answerThenDrain(ctx)
}
