/** Workflows and activities as spans, by Temporal's own interceptors. */
import { createRequire } from 'node:module'
import type { Tracer } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base'
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry'
import type { WorkerTracing } from './tracing.ts'

export const traceClient = (tracer: Tracer) => ({ workflow: [new OpenTelemetryWorkflowClientInterceptor({ tracer })] })

export function traceWorker(tracer: Tracer, processor: SpanProcessor, resource: Resource): WorkerTracing {
  const { resolve } = createRequire(import.meta.url)
  return {
    interceptors: { activity: [(ctx) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(ctx, { tracer }) })] },
    workflowModules: [resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors')],
    sinks: { exporter: makeWorkflowExporter(asOlderProcessor(processor, resource), resource as never) },
  }
}

/** What the interceptors of SDK 1.24 hand over: a span as OpenTelemetry 1.x has it, with all of the workflow's info in it. */
type OlderSpan = ReadableSpan & {
  readonly parentSpanId?: string
  readonly instrumentationLibrary: ReadableSpan['instrumentationScope']
}

/** Of a workflow's info: which run it is. The rest is search attributes and settings, the same for every span. */
const keptAttributes = ['workflowId', 'runId', 'workflowType', 'taskQueue', 'attempt']

/** Takes spans of OpenTelemetry 1.x to a processor of 2.x. */
function asOlderProcessor(processor: SpanProcessor, resource: Resource): never {
  return {
    onEnd(span: OlderSpan) {
      const { parentSpanId, instrumentationLibrary, attributes, ...rest } = span
      const { traceId, traceFlags } = span.spanContext()
      processor.onEnd({
        ...rest,
        resource,
        instrumentationScope: instrumentationLibrary,
        attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => keptAttributes.includes(name))),
        ...(parentSpanId && { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags } }),
      })
    },
  } as never
}
