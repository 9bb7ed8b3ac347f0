/** `POST /webhooks/:provider`: genuine, understood, durable, and only then acknowledged. The hot path. */
import Router from '@koa/router'
import type { Context } from 'koa'
import type { Inbox } from '../inbox/inbox.ts'
import type { Metrics } from '../metrics.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { readRawBody } from './body.ts'
import { Problem } from './problem.ts'

interface WebhookDependencies {
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  readonly inbox: Inbox
  readonly metrics: Metrics
  readonly clock: () => number
}

/** The signature is checked over the bytes before anything looks into them. */
export function webhookRoutes({ webhooks, inbox, metrics, clock }: WebhookDependencies): Router {
  const router = new Router({ sensitive: true })
  router.post('/webhooks/:provider', async (ctx: Context) => {
    const startedAt = performance.now()
    const source = webhooks.get(ctx['params'].provider)
    if (!source) throw new Problem(404, 'no such provider is configured')
    const rawBody = await readRawBody(ctx)
    if (!source.provider.verify(rawBody, ctx.req.headers, source.secrets)) {
      throw new Problem(401, 'the signature is missing or was not made over these bytes with a secret known here')
    }
    ctx.body = await inbox.append(source.provider.parse(rawBody, clock()))
    metrics.webhookAckSeconds.observe((performance.now() - startedAt) / 1_000)
  })
  return router
}
