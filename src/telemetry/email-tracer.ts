/** Spans in the traces of emails. Trace IDs are derived from the emails' IDs. */
import {
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  type IdGenerator,
  ParentBasedSampler,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'
import type { EmailKey } from '../domain/events.ts'
import { receiptSpanIdOf, traceIdOf } from './trace-ids.ts'

interface Ids {
  readonly traceId: string
  readonly spanId?: string
}

/** Random IDs, except for spans started within {@link during}. */
class SettableIds implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #set: Ids | null = null

  generateTraceId = (): string => this.#set?.traceId ?? this.#random.generateTraceId()
  generateSpanId = (): string => this.#set?.spanId ?? this.#random.generateSpanId()

  during<T>(ids: Ids, work: () => T): T {
    this.#set = ids
    try {
      return work()
    } finally {
      this.#set = null
    }
  }
}

export interface SpanFacts {
  readonly kind: SpanKind
  readonly attributes: Attributes
  readonly links?: Link[]
  /** Epoch milliseconds. Default now. */
  readonly startTime?: number
  /** Set if other processes must be able to refer to the span. */
  readonly spanId?: string
}

export interface EmailTracerOptions {
  readonly resource: Resource
  readonly processor: SpanProcessor
  /** Of all emails, from 0 to 1. Decided by the trace ID, so that all processes agree. */
  readonly sampleRatio: number
}

export class EmailTracer {
  readonly tracer: Tracer
  readonly #ids = new SettableIds()
  readonly #sampler: Sampler

  constructor({ resource, processor, sampleRatio }: EmailTracerOptions) {
    this.#sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) })
    const provider = new BasicTracerProvider({
      resource,
      sampler: this.#sampler,
      idGenerator: this.#ids,
      spanProcessors: [processor],
    })
    this.tracer = provider.getTracer('aftersend')
  }

  /** A span at the root of the email's trace. */
  startRoot(email: EmailKey, name: string, { spanId, ...facts }: SpanFacts): Span {
    const ids = { traceId: traceIdOf(email), ...(spanId !== undefined && { spanId }) }
    return this.#ids.during(ids, () => this.tracer.startSpan(name, facts, ROOT_CONTEXT))
  }

  /** A span under the receipt of an event, which any process may have recorded. */
  startUnderReceipt(email: EmailKey, eventId: string, name: string, facts: SpanFacts): Span {
    return this.tracer.startSpan(name, facts, this.#contextOf(this.#receiptOf(email, eventId)))
  }

  /** Links to the receipts of events, up to a span's limit. */
  linksTo = (events: readonly (EmailKey & { readonly id: string })[]): Link[] =>
    events.slice(0, maxLinks).map((event) => ({ context: this.#receiptOf(event, event.id) }))

  #receiptOf(email: EmailKey, eventId: string): SpanContext {
    const traceId = traceIdOf(email)
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.INTERNAL, {}, [])
    const traceFlags = decision === SamplingDecision.RECORD_AND_SAMPLED ? TraceFlags.SAMPLED : TraceFlags.NONE
    return { traceId, spanId: receiptSpanIdOf(email.provider, eventId), traceFlags, isRemote: true }
  }

  #contextOf = (spanContext: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, spanContext)
}

const maxLinks = 128

/** Runs `work` within the span, and ends it. Records only the name of an error: its message may contain personal data. */
export async function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, span), work)
  } catch (error) {
    fail(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** Marks a span as failed. */
export function fail(span: Span, error: unknown): void {
  const name = error instanceof Error ? error.name : 'error'
  span.setStatus({ code: SpanStatusCode.ERROR, message: name })
  span.setAttribute('error.type', error instanceof Error && 'code' in error ? String(error.code) : name)
}
