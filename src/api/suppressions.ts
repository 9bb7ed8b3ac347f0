/** `/v1/suppressions`: checking addresses before sending, and maintaining the list by hand. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import {
  addManualSuppression,
  findActiveSuppressions,
  listSuppressions,
  removeSuppression,
} from '../db/suppressions.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { address, cursor, cursorTime, jsonObject, oneOf, pageAnswer, pageLimit, pageOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { listedSuppression, suppression, suppressionCheck } from './answers.ts'

const addressPath = z.object({ address })
const addition = z.object({
  address,
  reason: z.literal('manual', 'must be manual: other reasons come from events').default('manual'),
})
const checkBody = z.object({
  addresses: z
    .array(address, 'must be a list of addresses')
    .min(1, 'must have at least 1 address')
    .max(1_000, 'must have at most 1000 addresses'),
})
const listQuery = z.object({
  reason: oneOf(suppressionReasons).optional(),
  includeRemoved: oneOf(['true', 'false']).default('false'),
  cursor: cursor(z.object({ createdAt: cursorTime, id: z.string().regex(/^\d{1,18}$/) })),
  limit: pageLimit,
})

interface SuppressionDependencies {
  readonly db: Database
  /** For the checks that an application makes before it sends. */
  readonly receiptDb: Database
  /** The project whose list it is. */
  readonly suppressionList: string
}

export const suppressionRoutes = ({ db, receiptDb, suppressionList }: SuppressionDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions',
      tag: 'Suppressions',
      summary: 'List suppressions, newest first',
      query: listQuery,
      answers: { 200: { description: 'A page of the list', schema: pageAnswer(listedSuppression) } },
    },
    async (ctx, { query }) => {
      const filter = { reason: query.reason, includeRemoved: query.includeRemoved === 'true' }
      const rows = await inTime(() => listSuppressions(db, suppressionList, filter, query.cursor, query.limit + 1))
      ctx.body = pageOf(rows, query.limit, positionOf, rows.map(entryOf))
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions',
      scope: 'suppress',
      tag: 'Suppressions',
      summary: 'Suppress an address',
      body: addition,
      answers: {
        200: { description: 'Already suppressed: unchanged', schema: suppression },
        201: { description: 'Suppressed', schema: suppression, headers: { Location: 'The URL of the suppression' } },
      },
    },
    async (ctx, { body }) => {
      const { suppression: stored, created } = await inTime(() =>
        addManualSuppression(db, suppressionList, body.address),
      )
      ctx.status = created ? 201 : 200
      if (created) ctx.set('Location', `/v1/suppressions/${encodeURIComponent(body.address)}`)
      ctx.body = answerOf(body.address, stored)
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions/check',
      scope: ['read', 'send'],
      tag: 'Suppressions',
      summary: 'Check up to 1,000 addresses',
      body: checkBody,
      answers: { 200: { description: 'In the order of the request', schema: pageAnswer(suppressionCheck) } },
    },
    async (ctx, { body: { addresses } }) => {
      const rows = await inTime(() => findActiveSuppressions(receiptDb, suppressionList, [...new Set(addresses)]))
      const active = new Map(rows.map((row) => [row.address, row]))
      ctx.status = 200
      ctx.body = { data: addresses.map((each) => shortAnswerOf(each, active.get(each))), nextCursor: null }
    },
  ),

  defineRoute(
    {
      ...removal,
      method: 'post',
      path: '/v1/suppressions/remove',
      description: `The address is in the body, so that no access log has it. ${removal.description}`,
      body: jsonObject({ address }),
    },
    async (ctx, { body }) => {
      await remove(db, suppressionList, body.address)
      ctx.status = 204
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions/:address',
      scope: ['read', 'send'],
      tag: 'Suppressions',
      summary: 'Check one address',
      params: addressPath,
      answers: { 200: { description: 'Whether the address is suppressed, why and since when', schema: suppression } },
    },
    async (ctx, { params }) => {
      const [row] = await inTime(() => findActiveSuppressions(receiptDb, suppressionList, [params.address]))
      ctx.body = answerOf(params.address, row)
    },
  ),

  defineRoute(
    {
      ...removal,
      method: 'delete',
      path: '/v1/suppressions/:address',
      params: addressPath,
    },
    async (ctx, { params }) => {
      await remove(db, suppressionList, params.address)
      ctx.status = 204
    },
  ),
]

const removal = {
  scope: 'suppress',
  tag: 'Suppressions',
  summary: 'Remove a suppression',
  description: 'The removed suppression remains in the history.',
  answers: { 204: { description: 'Removed' } },
  problems: { 404: 'The address is not suppressed' },
} as const

async function remove(db: Database, list: string, suppressed: string): Promise<void> {
  const isRemoved = await inTime(() => removeSuppression(db, list, suppressed))
  if (!isRemoved) throw new Problem(404, 'the address is not suppressed: there is nothing to remove')
}

const positionOf = (row: Suppression) => ({ createdAt: row.createdAt.toISOString(), id: String(row.id) })

/** What an application needs to know before it sends. */
const shortAnswerOf = (address: string, row: Suppression | undefined) =>
  row
    ? { address, suppressed: true, reason: row.reason, since: row.createdAt.toISOString() }
    : { address, suppressed: false }

/** With the event that caused it, if there is one. */
const answerOf = (address: string, row: Suppression | undefined) => ({
  ...shortAnswerOf(address, row),
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
