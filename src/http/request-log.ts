/** The request log. It never holds a path, query, header or body, since these contain addresses and secrets. */
import { randomUUID } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'

const requestIds = new WeakMap<object, string>()

/** The request's ID, generated on first use: most webhooks never need one. */
export function requestIdOf(ctx: Context): string {
  let id = requestIds.get(ctx.req)
  if (id === undefined) {
    id = randomUUID()
    requestIds.set(ctx.req, id)
  }
  return id
}

/** The pattern of the matched route, such as `/v1/emails/:id`; null if none matched. */
export const routeOf = (ctx: Context): string | null => {
  const { _matchedRoute: route = ctx.state['route'] } = ctx as {
    _matchedRoute?: unknown
    state: Record<string, unknown>
  }
  return typeof route === 'string' ? route : null
}

/** Logs each successful request at debug, and sends its ID as `X-Request-Id`. Failed ones are logged as problems. */
export function logRequests(log: Logger): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now()
    ctx.set('X-Request-Id', requestIdOf(ctx))
    await next()
    log.debug(
      {
        requestId: requestIdOf(ctx),
        method: ctx.method,
        route: routeOf(ctx),
        status: ctx.status,
        ms: Math.round((performance.now() - startedAt) * 10) / 10,
      },
      'request',
    )
  }
}

/**
 * An error with its stack, and with its message only if the runtime wrote it: a database's message may quote a value,
 * such as an address.
 */
export function withoutMessage(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const isRuntimeError = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return {
    type: error.name,
    ...('code' in error && { code: error.code }),
    ...(isRuntimeError && { message: error.message }),
    stack: frames.join('\n'),
    ...(error.cause instanceof Error && { cause: withoutMessage(error.cause) }),
  }
}
