/** What the log says of requests: never a path, query, header or body, since those hold addresses and secrets. */
import { randomUUID } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'

const requestIds = new WeakMap<object, string>()

/** The request's ID, made when first asked for: most webhooks never need one. */
export function requestIdOf(ctx: Context): string {
  let id = requestIds.get(ctx.req)
  if (id === undefined) {
    id = randomUUID()
    requestIds.set(ctx.req, id)
  }
  return id
}

/** The pattern of the route that took the request, such as `/v1/emails/:id`; null if none did. */
export const routeOf = (ctx: Context): string | null => {
  const { _matchedRoute: route = ctx.state['route'] } = ctx as {
    _matchedRoute?: unknown
    state: Record<string, unknown>
  }
  return typeof route === 'string' ? route : null
}

/** Logs each request that succeeds, at debug, and names it in `X-Request-Id`. Those that fail are logged as problems. */
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
 * An error with where it happened. Its message only if it is the runtime's own: a database's may quote a value, and a
 * value may be an address.
 */
export function withoutWords(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const harmless = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return {
    type: error.name,
    ...('code' in error && { code: error.code }),
    ...(harmless && { message: error.message }),
    stack: frames.join('\n'),
    ...(error.cause instanceof Error && { cause: withoutWords(error.cause) }),
  }
}
