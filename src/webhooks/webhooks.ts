/** `POST /webhooks/:provider` and `/webhooks/:provider/:account`, the hot path: verify, parse, store, and only then acknowledge. */
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import { inTime } from '../db/request-deadline.ts'
import { type ReceivedEvent, withForeignType } from '../domain/events.ts'
import { readRawBody } from '../http/body.ts'
import type { BodyDeadlines } from '../http/deadlines.ts'
import { Problem } from '../http/problem.ts'
import { requestIdOf } from '../http/request-log.ts'
import type { RouteDescription } from '../http/route.ts'
import type { AppendResult, Inbox } from '../inbox/inbox.ts'
import type { Metrics } from '../metrics.ts'
import { ofAccount, storedNameOf } from '../providers/accounts.ts'
import type { Provider, Refusal, WebhookSource } from '../providers/provider.ts'
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
  description: 'Verifies the signature over the exact bytes. 200 is sent only after the events are committed.',
  access: 'anyone',
  upload: ['application/json'],
  answers: {
    200: {
      description: 'Stored, now or before',
      schema: z.strictObject({ received: z.int(), duplicates: z.int() }),
    },
  },
  problems: {
    401: 'The signature is missing or not valid',
    406: 'Not usable, and to a provider that repeats all other answers: do not send it again',
    503: 'Not confirmed as stored: send it again',
  },
} as const

/** For the OpenAPI document: these requests do not pass the router. */
export const webhookRoutes: readonly RouteDescription[] = [
  {
    ...described,
    path: '/webhooks/:provider',
    summary: 'Receive events from a provider',
    params: z.object({ provider: z.string() }),
  },
  {
    ...described,
    path: '/webhooks/:provider/:account',
    summary: 'Receive events from another account with a provider',
    params: z.object({ provider: z.string(), account: z.string() }),
  },
]

/** The answer to a genuine webhook that is about no email. */
const nothing: AppendResult = { received: 0, duplicates: 0 }

/**
 * Handles webhooks, and passes other requests on. Compares one prefix instead of asking a router, which would cost a fifth
 * of the rest of an acknowledgement. The signature is verified before the bytes are parsed.
 */
export function handleWebhooks({
  webhooks,
  inbox,
  metrics,
  webhookCounts,
  clock,
  deadlines,
  log,
}: WebhookDependencies): Middleware {
  const store = (ctx: Context, source: WebhookSource, rawBody: Buffer, isGenuine: boolean) => {
    const { provider } = source
    const refusal = isGenuine ? null : refusalOf(provider, rawBody, ctx)
    if (refusal?.status !== 406) webhookCounts?.count(storedNameOf(source), isGenuine)
    if (refusal) throw new Problem(refusal.status, refusal.detail)
    const received = provider.parse(rawBody, clock(), ctx.req.headers).map(withForeignType)
    const events = ofAccount(received, source, accountIn(ctx, provider))
    if (events.length === 0) return nothing
    const appended = inbox.append(events)
    return log.isLevelEnabled('debug') ? logged(log, ctx, events, appended) : appended
  }
  return async (ctx, next) => {
    if (!ctx.req.url?.startsWith(prefix)) return next()
    const startedAt = performance.now()
    const source = sourceOf(ctx, webhooks)
    const { provider, secrets } = source
    const rawBody = await readRawBody(ctx, deadlines)
    const verdict = provider.verify(rawBody, ctx.req.headers, secrets)
    // Most verdicts are synchronous and save a turn of the event loop. The others share the deadline with the inbox.
    ctx.body = await (typeof verdict === 'boolean'
      ? store(ctx, source, rawBody, verdict)
      : inTime(async () => {
          const isGenuine = await verdict
          const answer = isGenuine ? await provider.answerHandshake?.(rawBody) : undefined
          return answer ?? store(ctx, source, rawBody, isGenuine)
        }))
    metrics.webhookAckSeconds.observe((performance.now() - startedAt) / 1_000)
  }
}

const refusalOf = (provider: Provider, rawBody: Buffer, ctx: Context): Refusal =>
  provider.explainRefusal?.(rawBody, ctx.req.headers) ?? {
    status: 401,
    detail: `signature missing or not valid: check the webhook secret configured for ${provider.name}`,
  }

/** The account in the path: `eu` of `/webhooks/resend/eu`; null for the first account. */
const accountIn = (ctx: Context, provider: Provider): string | null =>
  ctx.path.slice(prefix.length + provider.name.length + 1).replace(/\/$/, '') || null

/** Logs which events a request contained. */
async function logged(
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
  if (!source) throw new Problem(404, 'no webhook secret is configured for this path: check provider and account')
  if (ctx.method !== 'POST') throw new Problem(405, 'webhooks must be sent by POST', { headers: { Allow: 'POST' } })
  return source
}
