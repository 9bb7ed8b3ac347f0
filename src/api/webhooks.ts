/** `POST /webhooks/:provider` and `/webhooks/:provider/:account`: genuine, understood, durable, and only then acknowledged. The hot path. */
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { ReceivedEvent } from '../domain/events.ts'
import type { AppendResult, Inbox } from '../inbox/inbox.ts'
import type { Metrics } from '../metrics.ts'
import type { Provider, WebhookSource } from '../providers/provider.ts'
import { readRawBody } from './body.ts'
import { type BodyDeadlines, inTime } from './deadlines.ts'
import { Problem } from './problem.ts'
import { requestIdOf } from './request-log.ts'
import type { RouteDescription } from './route.ts'
import type { WebhookCounts } from './webhook-counts.ts'

interface WebhookDependencies {
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  readonly inbox: Inbox
  readonly metrics: Metrics
  readonly webhookCounts?: Pick<WebhookCounts, 'count'> | undefined
  readonly clock: () => number
  readonly deadlines: BodyDeadlines
  readonly log: Logger
}

const prefix = '/webhooks/'

const described = {
  method: 'post',
  tag: 'Webhooks',
  description: 'Signed as the provider signs, over the exact bytes. 200 is answered only after the events are durable.',
  access: 'anyone',
  upload: ['application/json'],
  answers: {
    200: {
      description: 'Durable, or known already',
      schema: z.strictObject({ received: z.int(), duplicates: z.int() }),
    },
  },
  problems: { 401: 'Not signed with a secret that is known here', 503: 'Not known to be stored: send it again' },
} as const

/** For the document: these are taken before any router is asked. */
export const webhookRoutes: readonly RouteDescription[] = [
  {
    ...described,
    path: '/webhooks/:provider',
    summary: 'Take events from a provider',
    params: z.object({ provider: z.string() }),
  },
  {
    ...described,
    path: '/webhooks/:provider/:account',
    summary: 'Take events from a further account with a provider',
    params: z.object({ provider: z.string(), account: z.string() }),
  },
]

/** The answer to what is genuine, and about no email. */
const nothing: AppendResult = { received: 0, duplicates: 0 }

/**
 * Takes webhooks, and leaves all else to the next. One prefix is compared instead of a router asked: that costs a fifth
 * of what the rest of an acknowledgement costs. The signature is checked over the bytes before anything looks into them.
 */
export function takeWebhooks({
  webhooks,
  inbox,
  metrics,
  webhookCounts,
  clock,
  deadlines,
  log,
}: WebhookDependencies): Middleware {
  const keep = (ctx: Context, provider: Provider, rawBody: Buffer, isGenuine: boolean) => {
    webhookCounts?.count(provider.name, isGenuine)
    if (!isGenuine) {
      throw new Problem(401, 'the signature is missing or was not made over these bytes with a secret known here')
    }
    const events = provider.parse(rawBody, clock(), ctx.req.headers)
    if (events.length === 0) return nothing
    const appended = inbox.append(events)
    return log.isLevelEnabled('debug') ? noted(log, ctx, events, appended) : appended
  }
  return async (ctx, next) => {
    if (!ctx.req.url?.startsWith(prefix)) return next()
    const startedAt = performance.now()
    const { provider, secrets } = sourceOf(ctx, webhooks)
    const rawBody = await readRawBody(ctx, deadlines)
    const verdict = provider.verify(rawBody, ctx.req.headers, secrets)
    // Most answer at once, and do not wait for a turn of the event loop. The others share the deadline with the inbox.
    ctx.body = await (typeof verdict === 'boolean'
      ? keep(ctx, provider, rawBody, verdict)
      : inTime(async () => {
          const isGenuine = await verdict
          if (isGenuine) await provider.answerHandshake?.(rawBody)
          return keep(ctx, provider, rawBody, isGenuine)
        }))
    metrics.webhookAckSeconds.observe((performance.now() - startedAt) / 1_000)
  }
}

/** Logs which events came with which request. */
async function noted(
  log: Logger,
  ctx: Context,
  events: readonly ReceivedEvent[],
  appended: Promise<AppendResult>,
): Promise<AppendResult> {
  const result = await appended
  const emailIds = [...new Set(events.map(({ emailId }) => emailId))]
  const eventIds = events.map(({ id }) => id)
  log.debug(
    { requestId: requestIdOf(ctx), provider: events[0]?.provider, emailIds, eventIds, ...result },
    'webhook taken',
  )
  return result
}

function sourceOf(ctx: Context, webhooks: ReadonlyMap<string, WebhookSource>): WebhookSource {
  ctx.state['route'] = '/webhooks/:provider'
  const name = ctx.path.slice(prefix.length).replace(/\/$/, '')
  const source = webhooks.get(name)
  if (!source) throw new Problem(404, 'no such provider is configured')
  if (ctx.method !== 'POST') throw new Problem(405, 'webhooks are posted', { headers: { Allow: 'POST' } })
  return source
}
