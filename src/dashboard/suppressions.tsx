/** Who must not be written to: looked up, added, removed, brought in and taken out. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { address, cursor, cursorTime, pageOf, parseInput, text } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import type { Database } from '../db/database.ts'
import type { Suppression } from '../db/generated/client.ts'
import {
  addManualSuppression,
  findActiveSuppressions,
  listSuppressions,
  removeSuppression,
} from '../db/suppressions.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { readForm, sessionOf } from './guards.ts'
import { backWith, localPath, type Pages, seeOther } from './pages.tsx'
import { SuppressionList } from './suppression-list.tsx'

interface SuppressionPagesDependencies {
  readonly db: Database
  readonly pages: Pages
}

const pageLength = 50

const query = z.object({
  q: z.string().trim().max(1_000).catch('').default(''),
  reason: z.enum(suppressionReasons).optional().catch(undefined),
  removed: z.literal('shown').optional().catch(undefined),
  cursor: cursor(z.object({ createdAt: cursorTime, id: z.string().regex(/^\d{1,18}$/) })).catch(null),
})

export type SuppressionQuery = z.infer<typeof query>

const note = text(500)
  .trim()
  .transform((words) => words || null)
  .default(null)
const removal = z.object({ address, note })

export function addSuppressionPages(router: Router, { db, pages }: SuppressionPagesDependencies): void {
  const show = async (ctx: Context, refused: { address: string; mistake: string } | null = null) => {
    const asked = query.parse(ctx.query)
    const rows = await inTime(() => search(db, asked))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const { q, reason, removed } = asked
    const links = {
      path: '/suppressions',
      query: { q, reason, removed },
      nextCursor,
      isFurther: asked.cursor !== null,
    }
    const body = <SuppressionList suppressions={data} asked={asked} links={links} refused={refused} />
    await pages.show(ctx, { title: 'Suppressions', section: '/suppressions', status: refused ? 400 : 200, body })
  }

  router.get('/suppressions', (ctx) => show(ctx))

  router.post('/suppressions', async (ctx) => {
    const { fields } = await readForm(ctx)
    const parsed = z.object({ address, note }).safeParse(fields)
    if (!parsed.success) return show(ctx, { address: fields['address'] ?? '', mistake: 'This is no email address.' })
    const hand = { by: sessionOf(ctx).name, note: parsed.data.note }
    await inTime(() => addManualSuppression(db, parsed.data.address, hand))
    seeOther(ctx, backWith(fields['back'] ? localPath(fields['back']) : '/suppressions', 'suppressed'))
  })

  router.post('/suppressions/remove', async (ctx) => {
    const { fields } = await readForm(ctx)
    const removed = parseInput(removal, fields, 'body')
    const hand = { by: sessionOf(ctx).name, note: removed.note }
    const wasSuppressed = await inTime(() => removeSuppression(db, removed.address, hand))
    if (!wasSuppressed) throw new Problem(409, 'the address is not suppressed any more')
    seeOther(ctx, backWith('/suppressions', 'unsuppressed'))
  })
}

const positionOf = (row: Suppression) => ({ createdAt: row.createdAt.toISOString(), id: String(row.id) })

async function search(db: Database, { q, reason, removed, cursor: after }: SuppressionQuery): Promise<Suppression[]> {
  if (q === '') return listSuppressions(db, { reason, includeRemoved: removed === 'shown' }, after, pageLength + 1)
  const asked = address.safeParse(q)
  return asked.success ? findActiveSuppressions(db, [asked.data]) : []
}
