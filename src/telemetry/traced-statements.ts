/** SQL statements as spans, if they run within another span. */
import { context, SpanKind, type Tracer, trace } from '@opentelemetry/api'
import type pg from 'pg'
import { fail } from './email-tracer.ts'

type Query = (...args: readonly unknown[]) => unknown

/**
 * Patches the pool, so that waiting for a connection is part of the span. Statement texts contain no values and are recorded;
 * the values are not.
 */
export function traceStatements(pool: pg.Pool, tracer: Tracer): void {
  const query = pool.query.bind(pool) as Query
  const traced: Query = (...args) => {
    const statement = textOf(args[0])
    if (statement === null || !trace.getSpan(context.active())?.isRecording()) return query(...args)
    const span = tracer.startSpan(summaryOf(statement), {
      kind: SpanKind.CLIENT,
      attributes: { 'db.system.name': 'postgresql', 'db.query.text': statement.slice(0, 2_000) },
    })
    const result = query(...args)
    if (!(result instanceof Promise)) {
      span.end()
      return result
    }
    return result
      .catch((error) => {
        fail(span, error)
        throw error
      })
      .finally(() => span.end())
  }
  pool.query = traced as typeof pool.query
}

function textOf(query: unknown): string | null {
  if (typeof query === 'string') return query
  const { text } = (query ?? {}) as { text?: unknown }
  return typeof text === 'string' ? text : null
}

/** Such as `UPDATE events`: the first operation that writes, otherwise the table that is read. */
function summaryOf(statement: string): string {
  const [, operation, table] =
    /\b(INSERT INTO|UPDATE|DELETE FROM)\s+"?(?:public"?\."?)?(\w+)/i.exec(statement) ??
    /\b(FROM)\s+"?(?:public"?\."?)?(\w+)/i.exec(statement) ??
    []
  if (!operation) return statement.trim().split(/\s/, 1)[0]?.toUpperCase() ?? 'statement'
  return `${operation.toUpperCase() === 'FROM' ? 'SELECT' : operation.toUpperCase().split(' ')[0]} ${table}`
}
