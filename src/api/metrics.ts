/** `GET /metrics`, for Prometheus. */
import Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { type KeyRing, requireKey } from '../http/api-key.ts'
import type { RouteDescription } from '../http/route.ts'
import type { Metrics } from '../metrics.ts'

export const metricsDescription: RouteDescription = {
  method: 'get',
  path: '/metrics',
  tag: 'Operations',
  summary: 'Metrics for Prometheus',
  description: 'Requests from the same machine need no key.',
  access: 'local',
  answers: { 200: { description: 'Prometheus text format', mediaType: 'text/plain', schema: z.string() } },
}

/**
 * A scraper on the same machine needs no key. Requests that a reverse proxy on this machine forwards have forwarding headers,
 * and need a key like all others: the metrics reveal how much email is sent and how much of it fails.
 */
export function metricsRoutes(metrics: Metrics, keys: KeyRing): Router {
  const router = new Router({ sensitive: true })
  const authenticate = requireKey(keys)
  router.get(
    '/metrics',
    (ctx, next) => (isLocal(ctx) ? next() : authenticate(ctx, next)),
    async (ctx) => {
      ctx.set('Content-Type', metrics.registry.contentType)
      ctx.body = await metrics.scrape()
    },
  )
  return router
}

const loopback = /^(::ffff:)?127\.|^::1$/
const forwardingHeaders = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']

const isLocal = (ctx: Context): boolean =>
  loopback.test(ctx.req.socket.remoteAddress ?? '') &&
  forwardingHeaders.every((header) => ctx.req.headers[header] === undefined)
