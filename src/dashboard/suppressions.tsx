/** The page of the suppression list, and the forms to add and remove addresses. */
import type { Context } from 'koa'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Suppression } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import {
  addManualSuppression,
  findActiveSuppressions,
  listSuppressions,
  removeSuppression,
} from '../db/suppressions.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { address, cursor, cursorTime, pageOf, parseInput, text } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { SuppressionList } from './components/suppression-list.tsx'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { localPath } from './paths.ts'
import type { PersonLinks } from './person-links.ts'

interface SuppressionPagesDependencies {
  readonly db: Database
  readonly pages: PageRenderer
  readonly people: PersonLinks
  /** The project whose list it is. */
  readonly suppressionList: string
}

const pageLength = 50

const querySchema = z.object({
  q: z.string().trim().max(1_000).catch('').default(''),
  reason: z.enum(suppressionReasons).optional().catch(undefined),
  removed: z.literal('shown').optional().catch(undefined),
  cursor: cursor(z.object({ createdAt: cursorTime, id: z.string().regex(/^\d{1,18}$/) })).catch(null),
})

type Query = z.infer<typeof querySchema>

const note = text(500)
  .trim()
  .transform((given) => given || null)
  .default(null)
const removal = z.object({ address, note })

export function addSuppressionPages(
  router: PageRouter,
  { db, pages, people, suppressionList: list }: SuppressionPagesDependencies,
): void {
  const show = async (ctx: Context, rejected: { address: string; error: string } | null = null) => {
    const query = querySchema.parse(ctx.query)
    const rows = await inTime(() => search(db, list, query))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const { q, reason, removed } = query
    const links = { path: '/suppressions', query: { q, reason, removed }, nextCursor, isFurther: query.cursor !== null }
    const body = <SuppressionList {...{ suppressions: data, filter: query, links, rejected, people }} />
    await pages.show(ctx, { title: 'Suppressions', section: '/suppressions', status: rejected ? 400 : 200, body })
  }

  router.get('/suppressions', 'read', (ctx) => show(ctx))

  router.post('/suppressions', 'suppress', async (ctx) => {
    const { fields } = await readForm(ctx)
    const parsed = z.object({ address, note }).safeParse(fields)
    if (!parsed.success) return show(ctx, { address: fields['address'] ?? '', error: 'Enter a valid email address.' })
    const author = { by: sessionOf(ctx).name, note: parsed.data.note }
    await inTime(() => addManualSuppression(db, list, parsed.data.address, author))
    seeOther(ctx, withNotice(fields['back'] ? localPath(fields['back']) : '/suppressions', 'suppressed'))
  })

  router.post('/suppressions/remove', 'suppress', async (ctx) => {
    const { fields } = await readForm(ctx)
    const removed = parseInput(removal, fields, 'body')
    const author = { by: sessionOf(ctx).name, note: removed.note }
    const wasSuppressed = await inTime(() => removeSuppression(db, list, removed.address, author))
    if (!wasSuppressed) throw new Problem(409, 'the address is no longer suppressed')
    seeOther(ctx, withNotice(fields['back'] ? localPath(fields['back']) : '/suppressions', 'unsuppressed'))
  })
}

const positionOf = (row: Suppression) => ({ createdAt: row.createdAt.toISOString(), id: String(row.id) })

async function search(
  db: Database,
  list: string,
  { q, reason, removed, cursor: after }: Query,
): Promise<Suppression[]> {
  if (q === '')
    return listSuppressions(db, list, { reason, includeRemoved: removed === 'shown' }, after, pageLength + 1)
  const parsed = address.safeParse(q)
  return parsed.success ? findActiveSuppressions(db, list, [parsed.data]) : []
}
