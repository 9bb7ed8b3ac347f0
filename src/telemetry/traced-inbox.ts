/** The receipt of events as spans: one per event, from the request's first byte to the commit. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanKind } from '@opentelemetry/api'
import type { Context, Middleware } from 'koa'
import { isProviderEventType, type ReceivedEvent, registrationEventType } from '../domain/events.ts'
import { requestIdOf, routeOf } from '../http/request-log.ts'
import type { InboxObserver } from '../inbox/create-inbox.ts'
import { type EmailTracer, within } from './email-tracer.ts'
import { receiptSpanIdOf } from './trace-ids.ts'

interface CurrentRequest {
  readonly ctx: Context
  /** Epoch milliseconds. */
  readonly startedAt: number
}

export function traceInbox(tracer: EmailTracer): { requests: Middleware; inbox: InboxObserver } {
  const requests = new AsyncLocalStorage<CurrentRequest>()
  return {
    requests: (ctx, next) => requests.run({ ctx, startedAt: Date.now() }, next),
    inbox: {
      // One statement stores the events of many requests: it is in the trace of the first, with links to the others.
      storing(events, store) {
        const [first, ...others] = events
        if (!first) return store()
        const facts = { kind: SpanKind.INTERNAL, attributes: { 'aftersend.events': events.length } }
        const span = tracer.startUnderReceipt(first, first.id, 'commit events', {
          ...facts,
          links: tracer.linksTo(others),
        })
        return within(span, store)
      },
      stored(event, isNew) {
        const request = requests.getStore()
        tracer
          .startRoot(event, `receive ${nameOf(event)}`, {
            kind: SpanKind.SERVER,
            attributes: {
              'aftersend.provider': event.provider,
              'aftersend.email_id': event.emailId,
              'aftersend.event_id': event.id,
              'aftersend.duplicate': !isNew,
              ...(request && factsOf(request)),
            },
            ...(request && { startTime: request.startedAt }),
            // A repeat gets another ID, since the first receipt has this one.
            ...(isNew && { spanId: receiptSpanIdOf(event.provider, event.id) }),
          })
          .end()
      },
    },
  }
}

const factsOf = ({ ctx }: CurrentRequest) => ({
  'http.request.method': ctx.method,
  'http.route': routeOf(ctx) ?? '',
  'aftersend.request_id': requestIdOf(ctx),
})

/** Unknown types share one name, since providers could send any number of types. */
function nameOf({ type }: ReceivedEvent): string {
  if (type === registrationEventType) return 'registration'
  return isProviderEventType(type) ? type : 'unknown'
}
