/** What support is asked to look at, and what people do about it. */
import ms from 'ms'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { findEscalation, listEscalations } from '../db/escalations-read.ts'
import type { Escalation as EscalationRow } from '../db/generated/client.ts'
import {
  type EscalationCommand,
  type EscalationReason,
  escalationReasons,
  escalationStates,
} from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import { incidentIn } from '../domain/incident.ts'
import type { Lives } from '../temporal/lives.ts'
import { listedEscalation } from './answers.ts'
import { inTime } from './deadlines.ts'
import { escalationViewOf } from './escalation-view.ts'
import { cursor, cursorTime, name, pageAnswer, pageLimit, pageOf } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

interface EscalationDependencies {
  readonly db: Database
  readonly lives: Lives
  readonly clock: () => number
}

const listQuery = z.object({
  state: z.enum(escalationStates, `wants one of ${escalationStates.join(', ')}`).optional(),
  reason: z.enum(escalationReasons, `wants one of ${escalationReasons.join(', ')}`).optional(),
  cursor: cursor(z.object({ openedAt: cursorTime, id: name(255) })),
  limit: pageLimit,
})

const idPath = z.object({ id: name(255) })

/** Who acts. It enters the email's Temporal history, where addresses must not be. */
const by = name(64)
  .refine((handle) => !handle.includes('@'), 'wants a handle without @: addresses must not enter Temporal histories')
  .default('api')

const longestSnoozeMs = 30 * 24 * 3_600_000
const snoozeDefault = '1h'

const acting = z.preprocess((body) => body ?? {}, z.object({ by }, 'wants an object'))
const snoozing = z.preprocess(
  (body) => body ?? {},
  z
    .object(
      {
        by,
        for: z
          .string('wants a duration such as 30m, 2h or 1d')
          .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/, 'wants a duration such as 30m, 2h or 1d')
          .transform((duration) => ms(duration as ms.StringValue))
          .refine((value) => value > 0 && value <= longestSnoozeMs, 'wants more than zero and at most 30d')
          .optional(),
        until: z.iso
          .datetime({ offset: true, error: 'wants a time such as 2030-01-31T12:00:00Z' })
          .transform((time) => Date.parse(time))
          .optional(),
      },
      'wants an object',
    )
    .refine((body) => body.for === undefined || body.until === undefined, 'wants for or until, not both'),
)

const acted = {
  answers: { 200: { description: 'The escalation as it stands now', schema: listedEscalation } },
  problems: { 404: 'There is no such escalation', 409: 'It is resolved already' },
} as const

/** The routes under `/v1/escalations`. */
export function escalationRoutes({ db, lives, clock }: EscalationDependencies): Route[] {
  const carryOut = (id: string, command: EscalationCommand) => carryOutCommand({ db, lives }, id, command)
  return [
    defineRoute(
      {
        method: 'get',
        path: '/v1/escalations',
        tag: 'Escalations',
        summary: 'List what support is asked to look at, newest first',
        query: listQuery,
        answers: { 200: { description: 'A page of escalations', schema: pageAnswer(listedEscalation) } },
      },
      async (ctx, { query }) => {
        const rows = await inTime(() => listEscalations(db, query, query.cursor, query.limit + 1))
        ctx.body = pageOf(rows, query.limit, positionOf, rows.map(answerOf))
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/acknowledge',
        tag: 'Escalations',
        summary: 'Say that somebody takes care of it',
        params: idPath,
        body: acting,
        isBodyOptional: true,
        ...acted,
      },
      async (ctx, { params, body }) => {
        ctx.body = await carryOut(params.id, { do: 'acknowledge', by: body.by })
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/snooze',
        tag: 'Escalations',
        summary: 'Be told again later',
        description: '`for` a duration (`1h` by default) or `until` a time; 30 days at most.',
        params: idPath,
        body: snoozing,
        isBodyOptional: true,
        ...acted,
      },
      async (ctx, { params, body }) => {
        const until = body.until ?? clock() + (body.for ?? ms(snoozeDefault))
        refuseFarTimes(until, clock())
        ctx.body = await carryOut(params.id, { do: 'snooze', by: body.by, until })
      },
    ),

    defineRoute(
      {
        method: 'post',
        path: '/v1/escalations/:id/resolve',
        tag: 'Escalations',
        summary: 'Say that it is done with',
        params: idPath,
        body: acting,
        isBodyOptional: true,
        ...acted,
      },
      async (ctx, { params, body }) => {
        ctx.body = await carryOut(params.id, { do: 'resolve', by: body.by })
      },
    ),
  ]
}

/**
 * Has an escalation's life carry out a person's command. @returns the escalation as the API tells it.
 * @throws Problem 404 if there is none; what {@link Lives.command} throws.
 */
export async function carryOutCommand(
  { db, lives }: Pick<EscalationDependencies, 'db' | 'lives'>,
  id: string,
  command: EscalationCommand,
) {
  const row = await inTime(() => findEscalation(db, id))
  if (!row) throw new Problem(404, 'there is no such escalation')
  const email = { provider: row.provider, emailId: row.emailId }
  const escalation = await lives.command(email, row.reason as EscalationReason, command)
  return { ...subjectOf(email), ...escalationViewOf({ id, ...escalation }) }
}

function refuseFarTimes(until: number, now: number): void {
  if (until > now && until <= now + longestSnoozeMs) return
  throw new Problem(400, 'the body is not as it must be; errors says where', {
    errors: [{ path: 'until', message: 'wants a time in the future, at most 30 days away' }],
  })
}

const positionOf = (row: EscalationRow) => ({ openedAt: row.openedAt.toISOString(), id: row.id })

/** The email that an escalation is about; the scope, of one that is about sending as a whole. */
function subjectOf({ provider, emailId }: EmailKey) {
  const incident = incidentIn({ provider, emailId })
  return incident ? { provider: null, emailId: null, scope: incident.scope } : { provider, emailId, scope: null }
}

const answerOf = (row: EscalationRow) => ({
  ...subjectOf(row),
  ...escalationViewOf(row),
})
