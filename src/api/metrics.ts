/** `GET /metrics`, for Prometheus. */
import Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import type { Metrics } from '../metrics.ts'
import { type KeyCheck, requireKey } from './api-key.ts'
import type { RouteDescription } from './route.ts'

/** For the document. */
export const metricsDescription: RouteDescription = {
  method: 'get',
  path: '/metrics',
  tag: 'Operations',
  summary: 'Figures for Prometheus',
  description: 'From this machine without a key.',
  access: 'local',
  answers: { 200: { description: 'In the text format', mediaType: 'text/plain', schema: z.string() } },
}

/**
 * Open to the machine itself, so that a scraper beside it needs no key. A reverse proxy on the same machine makes all the
 * world look local, but says whom it speaks for: then, as for everyone else, a key is wanted, since the figures tell how
 * much mail is sent and how much of it fails.
 */
export function metricsRoutes(metrics: Metrics, holdsKey: KeyCheck): Router {
  const router = new Router({ sensitive: true })
  const wantKey = requireKey(holdsKey)
  router.get(
    '/metrics',
    (ctx, next) => (isLocal(ctx) ? next() : wantKey(ctx, next)),
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
