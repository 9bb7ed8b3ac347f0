/** Workflows and activities as spans, by Temporal's interceptors. */
import { createRequire } from 'node:module'
import type { Tracer } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base'
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry'
import type { WorkerTracing } from '../temporal/worker-tracing.ts'

export const traceClient = (tracer: Tracer) => ({ workflow: [new OpenTelemetryWorkflowClientInterceptor({ tracer })] })

export function traceWorker(tracer: Tracer, processor: SpanProcessor, resource: Resource): WorkerTracing {
  const { resolve } = createRequire(import.meta.url)
  return {
    interceptors: { activity: [(ctx) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(ctx, { tracer }) })] },
    workflowModules: [resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors')],
    sinks: { exporter: makeWorkflowExporter(asOlderProcessor(processor, resource), resource as never) },
  }
}

/** A span from the interceptors of SDK 1.24: in the form of OpenTelemetry 1.x, with all of the workflow's info. */
type OlderSpan = ReadableSpan & {
  readonly parentSpanId?: string
  readonly instrumentationLibrary: ReadableSpan['instrumentationScope']
}

/** The attributes that identify the run. The others are search attributes and settings, equal in every span. */
const runAttributes = ['workflowId', 'runId', 'workflowType', 'taskQueue', 'attempt']

/** Converts spans of OpenTelemetry 1.x for a processor of 2.x. */
function asOlderProcessor(processor: SpanProcessor, resource: Resource): never {
  return {
    onEnd(span: OlderSpan) {
      const { parentSpanId, instrumentationLibrary, attributes, ...rest } = span
      const { traceId, traceFlags } = span.spanContext()
      processor.onEnd({
        ...rest,
        resource,
        instrumentationScope: instrumentationLibrary,
        attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => runAttributes.includes(name))),
        ...(parentSpanId && { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags } }),
      })
    },
  } as never
}
