/** Error answers: RFC 9457 problem details, without internals. */
import { randomInt } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { answerThenDrain } from './drain.ts'
import { requestIdOf, routeOf, withoutMessage } from './request-log.ts'

/** One part of a request that is not valid. */
interface InputError {
  readonly path: string
  /** What the part must be. */
  readonly message: string
  /** For programs: why an address is suppressed. */
  readonly reason?: string
}

export interface ProblemExtras {
  readonly headers?: Readonly<Record<string, string>>
  readonly errors?: readonly InputError[]
}

/** An error answer. `detail` is one sentence for the client: what is wrong, and what to do. */
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

/** Maps an error of another part of the system to a problem; null for one that it does not know. */
export type ProblemOf = (error: unknown) => Problem | null

/**
 * Answers every error as `application/problem+json`. Logs those that the client cannot fix.
 * @param problemOf for errors of other parts of the system.
 */
export function answerProblems(log: Logger, problemOf: ProblemOf): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      await answer(ctx, reportedProblem(log, ctx, error, problemOf))
    }
  }
}

/** The problem to answer `error` with. Logs errors that the client cannot fix. */
export function reportedProblem(log: Logger, ctx: Context, error: unknown, problemOf: ProblemOf): Problem {
  const problem =
    error instanceof Problem ? error : (problemOf(error) ?? fromLibrary(error) ?? new Problem(500, internalError))
  report(log, ctx, problem, error)
  return problem
}

const internalError = 'internal error: report it with the ID in `instance`, which is also in the server log'

/** Spreads Retry-After over some seconds, so that clients do not all return at once. */
export const unavailable = (detail: string, headers: Readonly<Record<string, string>> = {}): Problem =>
  new Problem(503, detail, { headers: { 'Retry-After': String(randomInt(2, 6)), ...headers } })

/** @param whole the name of the input, for an error without a path. */
export function validationProblem(errors: readonly InputError[], whole = 'the body'): Problem {
  const [first, ...others] = errors
  const what = first?.path ? `\`${first.path}\`` : whole
  const more = others.length === 0 ? '' : ` (${others.length} more in errors)`
  return new Problem(400, `validation failed: ${what} ${first?.message}${more}`, { errors })
}

/** Errors of Koa, raw-body and Node about the request. Their messages are replaced, since they may quote the request. */
function fromLibrary(error: unknown): Problem | null {
  const { status, code, type } = error as { status?: unknown; code?: unknown; type?: unknown }
  if (code === 'ERR_INVALID_URL') return new Problem(400, 'the request target must be a valid URL path')
  if (type === 'request.aborted') return new Problem(400, 'the body is incomplete: send the request again')
  if (type === 'request.size.invalid') return new Problem(400, 'the length of the body must match Content-Length')
  if (type === 'entity.too.large') return tooLarge()
  return typeof status === 'number' && status >= 400 && status < 500
    ? new Problem(status, 'the request is malformed: check its path and headers')
    : null
}

export const tooLarge = (limitBytes = 1_048_576): Problem =>
  new Problem(413, `the body must not be larger than ${limitBytes / 1_048_576} MiB`, {
    headers: { Connection: 'close' },
  })

function report(log: Logger, ctx: Context, problem: Problem, error: unknown): void {
  const facts = { requestId: requestIdOf(ctx), method: ctx.method, route: routeOf(ctx), status: problem.status }
  if (problem.status === 503) log.warn({ ...facts, err: withoutMessage(error) }, problem.message)
  else if (problem.status >= 500) log.error({ ...facts, err: withoutMessage(error) }, 'request failed')
  else log.info(facts, 'request refused')
}

/** Where the client sends a request again only after this status, instead of after 503 or 408. */
export interface RetryState {
  retryStatus?: number
}

async function answer(ctx: Context, problem: Problem): Promise<void> {
  if (!ctx.writable || ctx.headerSent) return
  const { message, extras } = problem
  const isToRetry = problem.status === 503 || problem.status === 408
  const status = (isToRetry && (ctx.state as RetryState).retryStatus) || problem.status
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
