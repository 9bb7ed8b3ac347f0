/** Starts tracing: sends spans to an OpenTelemetry collector by OTLP over HTTP. */
import { setTimeout as sleep } from 'node:timers/promises'
import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { TracingSettings } from '../config.ts'
import { version } from '../version.ts'
import { EmailTracer } from './email-tracer.ts'
import { traceEmailWorkflows } from './traced-email-workflows.ts'
import { traceInbox } from './traced-inbox.ts'
import { traceStatements } from './traced-statements.ts'
import { traceClient, traceWorker } from './traced-worker.ts'
import type { Tracing } from './tracing.ts'

/** An unavailable collector must not delay the end of the process. */
const stopWithinMs = 2_000

/** Once per process, since OpenTelemetry's context manager is global. If the collector is unavailable, spans are lost. */
export function startTracing({ url, headers, serviceName, sampleRatio }: TracingSettings): Tracing {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const resource = resourceFromAttributes({ 'service.name': serviceName, 'service.version': version })
  const processor = new BatchSpanProcessor(new OTLPTraceExporter({ url, headers }))
  const emailTracer = new EmailTracer({ resource, processor, sampleRatio })
  const { tracer } = emailTracer
  return {
    ...traceInbox(emailTracer),
    emailWorkflows: (emailWorkflows) => traceEmailWorkflows(emailTracer, emailWorkflows),
    traceStatements: (pool) => traceStatements(pool, tracer),
    clientInterceptors: traceClient(tracer),
    worker: traceWorker(tracer, processor, resource),
    stop: () => Promise.race([processor.shutdown(), sleep(stopWithinMs)]),
  }
}
