/** `/v1/bounces`: judging stored bounces again, after the rules have changed. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { failureReasons } from '../domain/failure.ts'
import { failureRulesVersion } from '../domain/failure-rules.ts'
import { cursor, cursorOf, cursorTime, instant, jsonObject, name } from '../http/input.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { type RejudgementPage, rejudgeBounces } from '../suppressions/rejudgement.ts'

const limit = 200

const rejudgeBody = jsonObject({
  dryRun: z.boolean('must be true or false').default(false),
  since: instant.optional(),
  cursor: cursor(z.object({ receivedAt: cursorTime, provider: name(64), id: name(1_000) })),
})

const state = z.enum(['suppressed', 'allowed'])
const reasons = [...(Object.keys(failureReasons) as (keyof typeof failureReasons)[]), 'complaint'] as const

const suppressionChange = z.strictObject({
  address: z.string(),
  from: state,
  to: state.describe('`suppressed` from `suppressed`: another bounce or a complaint replaces the one that caused it.'),
  reason: z.enum(reasons).describe('Of the failure that decided; `complaint` if a complaint did.'),
  rule: z.string().nullable().describe('The ID of the rule that judged it; null for a complaint.'),
  evidence: z.string().nullable(),
  provider: z.string(),
  emailId: z.string(),
  eventId: z.string(),
})

export const bounceRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/bounces/rejudge',
      scope: 'suppress',
      tag: 'Suppressions',
      summary: 'Judge stored bounces again',
      description:
        `Judges stored bounces by the current rules, ${limit} in a call, the oldest first: pass \`nextCursor\` as \`cursor\` until ` +
        'it is null. Releases addresses that a bounce suppressed which is not held against them, and suppresses those with a bounce ' +
        'that is. Manual and imported suppressions and complaints stay, and an address that a person removed is suppressed only by ' +
        'later bounces. A call may be repeated. `dryRun` answers the same and changes nothing.',
      body: rejudgeBody,
      answers: {
        200: {
          description: 'What changed, or would change',
          schema: z.object({
            rulesVersion: z.int(),
            judged: z.int().describe('How many bounces were judged.'),
            changed: z.int().describe('How many of them had another judgement, or none.'),
            changes: z.array(suppressionChange).describe('Changes of the suppression list; each address once.'),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    async (ctx, { body: { dryRun, since = 0, cursor: after } }) => {
      const page = await inTime(() => rejudgeBounces(db, { isPreview: dryRun, since, after, limit }))
      ctx.status = 200
      ctx.body = {
        rulesVersion: failureRulesVersion,
        judged: page.judged,
        changed: page.changed,
        changes: page.changes.map(viewOf),
        nextCursor: page.last && cursorOf(page.last),
      }
    },
  ),
]

const viewOf = ({ address, ends, starts, cause }: RejudgementPage['changes'][number]) => ({
  address,
  from: ends ? 'suppressed' : 'allowed',
  to: starts ? 'suppressed' : 'allowed',
  reason: cause.judgement?.reason ?? 'complaint',
  rule: cause.judgement?.rule ?? null,
  evidence: cause.judgement?.evidence ?? null,
  provider: cause.provider,
  emailId: cause.emailId,
  eventId: cause.eventId,
})
