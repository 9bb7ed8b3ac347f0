/** `/v1/escalations`: listing escalations, and commands on them. */
import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import ms from 'ms'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { findEscalation, listEscalations } from '../db/escalations-read.ts'
import type { Escalation as EscalationRow } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { escalationScopes } from '../domain/access.ts'
import {
  type EscalationCommand,
  type EscalationReason,
  escalationReasons,
  escalationStates,
} from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import { incidentIn, isSystemReason } from '../domain/incident.ts'
import { idempotencyKeyHeader, idempotencyKeyOf } from '../http/idempotency-key.ts'
import {
  cursor,
  cursorTime,
  jsonObject,
  name,
  oneOf,
  pageAnswer,
  pageLimit,
  pageOf,
  timeMessage,
} from '../http/input.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { commandSystemIncident } from '../incidents/command.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { listedEscalation } from './answers.ts'
import { type EscalatedEmail, readEscalatedEmails } from './escalated-emails.ts'
import { escalationViewOf } from './escalation-view.ts'

interface EscalationDependencies {
  readonly db: Database
  readonly emailWorkflows: EmailWorkflows
  readonly clock: () => number
}

const listQuery = z.object({
  state: oneOf(escalationStates).optional(),
  reason: oneOf(escalationReasons).optional(),
  cursor: cursor(z.object({ openedAt: cursorTime, id: name(255) })),
  limit: pageLimit,
})

const idPath = z.object({ id: name(255) })

/** Who acts. It enters Temporal histories, which must not contain addresses. */
const by = name(64)
  .refine((handle) => !handle.includes('@'), 'must be a handle without @: addresses must not enter Temporal histories')
  .default('api')

const longestSnoozeMs = 30 * 24 * 3_600_000
const snoozeDefault = '1h'

const durationMessage = 'must be a duration such as 30m, 2h or 1d'

const commandBody = z.preprocess((body) => body ?? {}, jsonObject({ by }))
const snoozeBody = z.preprocess(
  (body) => body ?? {},
  jsonObject({
    by,
    for: z
      .string(durationMessage)
      .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/, durationMessage)
      .transform((duration) => ms(duration as ms.StringValue))
      .refine((value) => value > 0 && value <= longestSnoozeMs, 'must be more than 0 and at most 30d')
      .optional(),
    until: z.iso
      .datetime({ offset: true, error: timeMessage })
      .transform((time) => Date.parse(time))
      .optional(),
  }).refine((body) => body.for === undefined || body.until === undefined, 'must not have both for and until'),
)

const commandAnswers = {
  headers: idempotencyKeyHeader,
  answers: { 200: { description: 'The escalation after the command', schema: listedEscalation } },
  problems: { 404: 'No such escalation', 409: 'The state of the escalation does not allow the command' },
} as const

export function escalationRoutes({ db, emailWorkflows, clock }: EscalationDependencies): Route[] {
  const execute = (ctx: Context, id: string, command: EscalationCommand, requested?: string) =>
    executeCommand({ db, emailWorkflows }, id, { command, requested, idempotencyKey: idempotencyKeyOf(ctx) })
  return [
    defineRoute(
      {
        method: 'get',
        path: '/v1/escalations',
        tag: 'Escalations',
        summary: 'List escalations, newest first',
        query: listQuery,
        answers: { 200: { description: 'A page of escalations', schema: pageAnswer(listedEscalation) } },
      },
      async (ctx, { query }) => {
        const rows = await inTime(() => listEscalations(db, query, query.cursor, query.limit + 1))
        const emails = await inTime(() => readEscalatedEmails(db, rows.slice(0, query.limit)))
        const views = rows.map((row) => answerOf(row, emails))
        ctx.body = pageOf(rows, query.limit, positionOf, views)
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/acknowledge',
        scope: escalationScopes,
        tag: 'Escalations',
        summary: 'Acknowledge an escalation',
        params: idPath,
        body: commandBody,
        isBodyOptional: true,
        ...commandAnswers,
      },
      async (ctx, { params, body }) => {
        ctx.body = await execute(ctx, params.id, { do: 'acknowledge', by: body.by })
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/snooze',
        scope: escalationScopes,
        tag: 'Escalations',
        summary: 'Snooze an escalation: its next notice is sent later',
        description: '`for` is a duration (default `1h`), `until` a time; at most 30 days.',
        params: idPath,
        body: snoozeBody,
        isBodyOptional: true,
        ...commandAnswers,
      },
      async (ctx, { params, body }) => {
        const until = body.until ?? clock() + (body.for ?? ms(snoozeDefault))
        refuseFarTimes(until, clock())
        const requested = `${body.until ?? body.for}`
        ctx.body = await execute(ctx, params.id, { do: 'snooze', by: body.by, until }, requested)
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/resolve',
        scope: escalationScopes,
        tag: 'Escalations',
        summary: 'Resolve an escalation',
        params: idPath,
        body: commandBody,
        isBodyOptional: true,
        ...commandAnswers,
      },
      async (ctx, { params, body }) => {
        ctx.body = await execute(ctx, params.id, { do: 'resolve', by: body.by })
      },
    ),
  ]
}

/** A person's command, and what identifies a retry of it. */
interface CommandRequest {
  readonly command: EscalationCommand
  readonly idempotencyKey?: string | null
  /** What a snooze request says: a retry with the same duration would end at another time. */
  readonly requested?: string | undefined
  /** The version of the escalation that the person saw. Default: the stored one. */
  readonly version?: number | undefined
}

/**
 * Executes a person's command: in the escalation's workflow, or for incidents of the system here, without Temporal. A retry is
 * answered with the result of the first request.
 * @returns the escalation as the API returns it.
 * @throws Problem 404 if there is none; what {@link EmailWorkflows.command} throws.
 */
export async function executeCommand(
  { db, emailWorkflows }: Pick<EscalationDependencies, 'db' | 'emailWorkflows'>,
  id: string,
  request: CommandRequest,
) {
  const row = await inTime(() => findEscalation(db, id))
  if (!row) throw new Problem(404, 'no such escalation: GET /v1/escalations lists them')
  const emails = await inTime(() => readEscalatedEmails(db, [row]))
  const { command } = request
  // An escalation is resolved once: a second request by the same person is a retry.
  if (command.do === 'resolve' && row.state === 'resolved' && row.resolvedBy === command.by)
    return answerOf(row, emails)
  const { provider, emailId } = row
  const reason = row.reason as EscalationReason
  const incident = incidentIn(row)
  const escalation =
    incident && isSystemReason(reason)
      ? await inTime(() => commandSystemIncident(db, incident, reason, command, Date.now()))
      : await emailWorkflows.command(incident ?? { provider, emailId }, reason, command, updateIdOf(row, request))
  return { ...subjectOf(row), ...escalationViewOf({ id, ...escalation }), email: emails.get(id) ?? null }
}

/** Equal for retries: same key, or else same command by the same person on the same state. */
function updateIdOf(row: EscalationRow, { command, idempotencyKey, requested, version }: CommandRequest): string {
  const same = idempotencyKey ? [idempotencyKey] : [version ?? row.version, command.by, requested ?? null]
  return createHash('sha256')
    .update(JSON.stringify([row.id, command.do, ...same]))
    .digest('base64url')
}

function refuseFarTimes(until: number, now: number): void {
  if (until > now && until <= now + longestSnoozeMs) return
  throw validationProblem([{ path: 'until', message: 'must be a time in the next 30 days' }])
}

const positionOf = (row: EscalationRow) => ({ openedAt: row.openedAt.toISOString(), id: row.id })

/** The email that an escalation is about, or the scope of an incident. */
function subjectOf({ provider, emailId }: EmailKey) {
  const incident = incidentIn({ provider, emailId })
  return incident ? { provider: null, emailId: null, scope: incident.scope } : { provider, emailId, scope: null }
}

const answerOf = (row: EscalationRow, emails: ReadonlyMap<string, EscalatedEmail>) => ({
  ...subjectOf(row),
  ...escalationViewOf(row),
  email: emails.get(row.id) ?? null,
})
