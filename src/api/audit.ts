/** The audit log: which requests it records, and `/v1/audit`. */
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import { type AuditFilter, addAuditEntry, listAuditEntries } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { erasedKeyOf } from '../db/erased-address.ts'
import type { AuditEntry } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { type AuditAction, auditActions, auditedRequests, auditOutcomeOf, auditOutcomes } from '../domain/audit.ts'
import { clientAddressOf } from '../http/client-address.ts'
import { address, cursor, instant, name, oneOf, pageAnswer, pageLimit, pageOf } from '../http/input.ts'
import { Problem, type ProblemOf } from '../http/problem.ts'
import { requestIdOf, routeOf, withoutMessage } from '../http/request-log.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { time } from './answers.ts'
import { answerWithAuditLog } from './audit-export.ts'

export interface AuditDependencies {
  readonly db: Database
  readonly log: Logger
  readonly proxyHops: number
  readonly problemOf: ProblemOf
}

/**
 * Records who did what after each of {@link auditedRequests}, whatever its outcome: in the table, and as a line of the log, which also says
 * what could not be stored. What was done stays done then.
 */
export function auditRequests({ db, log, proxyHops, problemOf }: AuditDependencies): Middleware {
  const record = async (ctx: Context, status: number) => {
    const action = auditedRequests[`${ctx.method} ${routeOf(ctx)}` as keyof typeof auditedRequests]
    const by = action && actorOf(ctx, action, status)
    if (!by) return
    const facts = { ...by, action, subject: subjectOf(ctx), client: clientAddressOf(ctx.req, proxyHops), status }
    const address = addressIn(ctx)
    const addressKey = address === null ? null : erasedKeyOf(db, address)
    const entry = { ...facts, addressKey, requestId: requestIdOf(ctx) }
    log.info({ audit: entry }, 'audit')
    // The database does not answer: nothing was done, and a second wait would exceed the request's deadline.
    if (status === 503) return
    try {
      await inTime(() => addAuditEntry(db, entry))
    } catch (error) {
      log.error({ audit: entry, err: withoutMessage(error) }, 'an entry of the audit log could not be stored')
    }
  }
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      await record(ctx, statusOf(error, problemOf))
      throw error
    }
    await record(ctx, ctx.status)
  }
}

const statusOf = (error: unknown, problemOf: ProblemOf): number =>
  error instanceof Problem ? error.status : (problemOf(error)?.status ?? 500)

interface Actor {
  readonly name: string
  readonly project: string | null
}

/** What the handlers and the authentication leave in the request's state. */
interface AuditedState {
  readonly caller?: Actor
  readonly session?: Actor | null
  /** Who signs in, once the key or the provider has proved it, and the ID of the key or at the provider. */
  readonly actor?: string
  readonly subject?: string
  /** The fields of the form that was posted. */
  readonly form?: Readonly<Record<string, string>>
}

/**
 * Null for whoever is not known: strangers must not fill a log from which nothing is deleted. Of them, only those are recorded whose key, or
 * whose answer of the OpenID provider, was wrong at the sign-in, which is limited.
 */
function actorOf(
  ctx: Context,
  action: AuditAction,
  status: number,
): { actor: string; project: string | null; via: 'api' | 'dashboard' } | null {
  const { caller, session, actor, form } = ctx.state as AuditedState
  if (caller) return { actor: caller.name, project: caller.project, via: 'api' }
  if (session) return { actor: session.name, project: session.project, via: 'dashboard' }
  if (actor !== undefined) return { actor, project: null, via: 'dashboard' }
  const isAttempt = action === 'session.start' && status === 401
  const presented = form?.['name']?.trim().slice(0, 64) || 'unknown'
  return isAttempt ? { actor: presented, project: null, via: 'dashboard' } : null
}

const given = (ctx: Context): Readonly<Record<string, unknown>> => ({
  ...(ctx['params'] as object | undefined),
  ...(ctx.request.body as object | undefined),
  ...(ctx.state as AuditedState).form,
})

/** The ID of what it was done to; of a new email, key or suppression, the one in the answer; of a session, how it was started. */
function subjectOf(ctx: Context): string | null {
  const { subject } = ctx.state as AuditedState
  const { id } = given(ctx)
  const created = (ctx.body as { id?: unknown } | null | undefined)?.id
  return [subject, id, created].find((each): each is string => typeof each === 'string')?.slice(0, 200) ?? null
}

const addressIn = (ctx: Context): string | null => address.safeParse(given(ctx)['address']).data ?? null

const position = z.object({ id: z.string().regex(/^\d{1,18}$/) })
const auditFilter = z.object({
  action: oneOf(auditActions).optional(),
  actor: name(64).optional(),
  from: instant.optional(),
  to: instant.optional(),
})
export const auditQuery = auditFilter.extend({ cursor: cursor(position), limit: pageLimit })

const auditEntry = z.strictObject({
  id: z.string(),
  at: time,
  actor: z.string().describe('The name of the key or of the person.'),
  project: z.string().nullable().describe('Of the key; null for who reaches all projects.'),
  via: z.enum(['api', 'dashboard']),
  action: z.enum(auditActions),
  subject: z.string().nullable().describe('The ID of what it was done to.'),
  addressKey: z.string().nullable().describe('A keyed hash of the address that it was done to.'),
  client: z.string().describe('The address that the request came from.'),
  status: z.int(),
  outcome: z.enum(auditOutcomes),
  requestId: z.string(),
})

export const auditRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/audit',
      tag: 'Audit',
      summary: 'List who did what, newest first',
      description:
        'Entries are never changed or deleted. `POST /v1/audit/lookup` finds those about an address. `from` and `to` refer to `at`.',
      scope: 'admin',
      query: auditQuery,
      answers: { 200: { description: 'A page of the log', schema: pageAnswer(auditEntry) } },
    },
    async (ctx, { query }) => {
      ctx.body = await readAuditPage(db, query, query.cursor, query.limit)
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/audit/export',
      tag: 'Audit',
      summary: 'Export the audit log as CSV',
      description: 'All entries that pass the filter, newest first.',
      scope: 'admin',
      query: auditFilter,
      answers: { 200: { description: 'The file', mediaType: 'text/csv', schema: z.string() } },
    },
    (ctx, { query }) => answerWithAuditLog(ctx, db, query),
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/audit/lookup',
      tag: 'Audit',
      summary: 'List what was done to an address, newest first',
      description: 'The address is in the body, so that no access log has it.',
      scope: 'admin',
      body: z.object({ address, cursor: cursor(position), limit: pageLimit }),
      answers: { 200: { description: 'A page of the log', schema: pageAnswer(auditEntry) } },
    },
    async (ctx, { body }) => {
      ctx.status = 200
      ctx.body = await readAuditPage(db, { address: body.address }, body.cursor, body.limit)
    },
  ),
]

async function readAuditPage(db: Database, filter: AuditFilter, before: { id: string } | null, limit: number) {
  const rows = await inTime(() => listAuditEntries(db, filter, before, limit + 1))
  return pageOf(rows, limit, auditPositionOf, rows.map(viewOf))
}

export const auditPositionOf = ({ id }: AuditEntry) => ({ id: String(id) })

const viewOf = ({ id, at, ...entry }: AuditEntry) => ({
  ...entry,
  id: String(id),
  at: at.toISOString(),
  outcome: auditOutcomeOf(entry.status),
})
