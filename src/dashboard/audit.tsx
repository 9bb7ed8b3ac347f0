/** The page of the audit log. */
import { z } from 'zod'
import { auditPositionOf, auditQuery } from '../api/audit.ts'
import { answerWithAuditLog } from '../api/audit-export.ts'
import { listAuditEntries } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { auditActions } from '../domain/audit.ts'
import { pageOf } from '../http/input.ts'
import { AuditList } from './components/audit-list.tsx'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'

interface AuditPageDependencies {
  readonly db: Database
  readonly pages: PageRenderer
}

const pageLength = 50

/** A filter that is not valid, as of an old link, counts as none. */
const query = z.object({
  action: z.enum(auditActions).optional().catch(undefined),
  actor: z.string().trim().max(64).optional().catch(undefined),
  cursor: auditQuery.shape.cursor.catch(null),
})

export function addAuditPage(router: PageRouter, { db, pages }: AuditPageDependencies): void {
  router.get('/setup/audit', 'admin', async (ctx) => {
    const { action, actor = '', cursor } = query.parse(ctx.query)
    const rows = await inTime(() => listAuditEntries(db, { action, actor }, cursor, pageLength + 1))
    const { data, nextCursor } = pageOf(rows, pageLength, auditPositionOf, rows)
    const links = { path: '/setup/audit', query: { action, actor }, nextCursor, isFurther: cursor !== null }
    const body = <AuditList entries={data} filter={{ action, actor }} links={links} />
    await pages.show(ctx, { title: 'Audit log', section: '/setup', body })
  })

  router.get('/setup/audit/export', 'admin', (ctx) => {
    const { action, actor } = query.parse(ctx.query)
    return answerWithAuditLog(ctx, db, { action, actor })
  })
}
