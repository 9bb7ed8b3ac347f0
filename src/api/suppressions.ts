/** Who must not be written to: asked before sending, kept by hand. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'
import {
  addManualSuppression,
  findActiveSuppressions,
  listSuppressions,
  removeSuppression,
} from '../db/suppressions.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { listedSuppression, suppression, suppressionCheck } from './answers.ts'
import { inTime } from './deadlines.ts'
import { address, cursor, cursorTime, pageAnswer, pageLimit, pageOf } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

const addressPath = z.object({ address })
const addition = z.object({
  address,
  reason: z.literal('manual', 'wants manual: the other reasons come from events').default('manual'),
})
const question = z.object({
  addresses: z
    .array(address, 'wants a list of addresses')
    .min(1, 'wants at least 1 address')
    .max(1_000, 'wants at most 1000 addresses'),
})
const listQuery = z.object({
  reason: z.enum(suppressionReasons, `wants one of ${suppressionReasons.join(', ')}`).optional(),
  includeRemoved: z.enum(['true', 'false'], 'wants true or false').default('false'),
  cursor: cursor(z.object({ createdAt: cursorTime, id: z.string().regex(/^\d{1,18}$/) })),
  limit: pageLimit,
})

/** The routes under `/v1/suppressions`. */
export const suppressionRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions',
      tag: 'Suppressions',
      summary: 'List who is not written to, newest first',
      query: listQuery,
      answers: { 200: { description: 'A page of the list', schema: pageAnswer(listedSuppression) } },
    },
    async (ctx, { query }) => {
      const filter = { reason: query.reason, includeRemoved: query.includeRemoved === 'true' }
      const rows = await inTime(() => listSuppressions(db, filter, query.cursor, query.limit + 1))
      ctx.body = pageOf(rows, query.limit, positionOf, rows.map(entryOf))
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions',
      tag: 'Suppressions',
      summary: 'Suppress an address by hand',
      body: addition,
      answers: {
        200: { description: 'It was suppressed already, and stays as it was', schema: suppression },
        201: { description: 'Suppressed', schema: suppression, headers: { Location: 'Where it is asked for' } },
      },
    },
    async (ctx, { body }) => {
      const { suppression: kept, created } = await inTime(() => addManualSuppression(db, body.address))
      ctx.status = created ? 201 : 200
      if (created) ctx.set('Location', `/v1/suppressions/${encodeURIComponent(body.address)}`)
      ctx.body = answerOf(body.address, kept)
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions/check',
      tag: 'Suppressions',
      summary: 'Ask for up to 1,000 addresses before sending',
      body: question,
      answers: { 200: { description: 'In the order asked', schema: pageAnswer(suppressionCheck) } },
    },
    async (ctx, { body: { addresses } }) => {
      const rows = await inTime(() => findActiveSuppressions(db, [...new Set(addresses)]))
      const active = new Map(rows.map((row) => [row.address, row]))
      ctx.status = 200
      ctx.body = { data: addresses.map((asked) => shortAnswerOf(asked, active.get(asked))), nextCursor: null }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions/:address',
      tag: 'Suppressions',
      summary: 'Ask for one address before sending',
      params: addressPath,
      answers: { 200: { description: 'Whether, why and since when', schema: suppression } },
    },
    async (ctx, { params }) => {
      const [row] = await inTime(() => findActiveSuppressions(db, [params.address]))
      ctx.body = answerOf(params.address, row)
    },
  ),

  defineRoute(
    {
      method: 'delete',
      path: '/v1/suppressions/:address',
      tag: 'Suppressions',
      summary: 'Write to an address again',
      description: 'What suppressed it stays as history.',
      params: addressPath,
      answers: { 204: { description: 'It is not suppressed any more' } },
      problems: { 404: 'The address is not suppressed' },
    },
    async (ctx, { params }) => {
      const isRemoved = await inTime(() => removeSuppression(db, params.address))
      if (!isRemoved) throw new Problem(404, 'the address is not suppressed')
      ctx.status = 204
    },
  ),
]

const positionOf = (row: Suppression) => ({ createdAt: row.createdAt.toISOString(), id: String(row.id) })

/** What an application needs before it sends. */
const shortAnswerOf = (asked: string, row: Suppression | undefined) =>
  row
    ? { address: asked, suppressed: true, reason: row.reason, since: row.createdAt.toISOString() }
    : { address: asked, suppressed: false }

/** The same, with the event behind it where there is one. */
const answerOf = (asked: string, row: Suppression | undefined) => ({
  ...shortAnswerOf(asked, row),
  ...(row?.provider && { provider: row.provider }),
  ...(row?.emailId && { emailId: row.emailId }),
  ...(row?.eventId && { eventId: row.eventId }),
})

const entryOf = (row: Suppression) => ({
  ...answerOf(row.address, row),
  ...(isErasedKey(row.address) && { address: null, erased: true }),
  suppressed: row.removedAt === null,
  removedAt: row.removedAt?.toISOString() ?? null,
})
