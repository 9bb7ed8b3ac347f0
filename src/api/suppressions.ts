/** Who must not be written to: asked before sending, kept by hand. */
import type Router from '@koa/router'
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
import { inTime } from './deadlines.ts'
import { address, cursor, cursorTime, pageLimit, pageOf, parseInput } from './input.ts'
import { Problem } from './problem.ts'

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
export function addSuppressionRoutes(router: Router, db: Database): void {
  router.get('/suppressions', async (ctx) => {
    const query = parseInput(listQuery, ctx.query, 'query')
    const filter = { reason: query.reason, includeRemoved: query.includeRemoved === 'true' }
    const rows = await inTime(() => listSuppressions(db, filter, query.cursor, query.limit + 1))
    ctx.body = pageOf(rows, query.limit, positionOf, rows.map(entryOf))
  })

  router.post('/suppressions', async (ctx) => {
    const { address: added } = parseInput(addition, ctx.request.body, 'body')
    const { suppression, created } = await inTime(() => addManualSuppression(db, added))
    ctx.status = created ? 201 : 200
    if (created) ctx.set('Location', `/v1/suppressions/${encodeURIComponent(added)}`)
    ctx.body = answerOf(added, suppression)
  })

  router.post('/suppressions/check', async (ctx) => {
    const { addresses } = parseInput(question, ctx.request.body, 'body')
    const rows = await inTime(() => findActiveSuppressions(db, [...new Set(addresses)]))
    const active = new Map(rows.map((row) => [row.address, row]))
    ctx.status = 200
    ctx.body = { data: addresses.map((asked) => shortAnswerOf(asked, active.get(asked))), nextCursor: null }
  })

  router.get('/suppressions/:address', async (ctx) => {
    const asked = parseInput(addressPath, ctx.params, 'path').address
    const [row] = await inTime(() => findActiveSuppressions(db, [asked]))
    ctx.body = answerOf(asked, row)
  })

  router.delete('/suppressions/:address', async (ctx) => {
    const removed = parseInput(addressPath, ctx.params, 'path').address
    if (!(await inTime(() => removeSuppression(db, removed)))) throw new Problem(404, 'the address is not suppressed')
    ctx.status = 204
  })
}

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
