/** The audit log as CSV. */
import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify/sync'
import type { Context } from 'koa'
import { type AuditFilter, listAuditEntries } from '../db/audit.ts'
import { type Database, withDatabaseDeadline } from '../db/database.ts'
import type { AuditEntry } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { auditOutcomeOf } from '../domain/audit.ts'
import { escapedCell } from '../suppressions/formula-cells.ts'

const pageSize = 1_000

/** The later pages get a longer deadline, so that a database that is slow for a moment does not abort the file. */
const inFileTime = <T>(work: () => Promise<T>): Promise<T> => withDatabaseDeadline(10_000, work)

const header = [
  'id',
  'at',
  'actor',
  'project',
  'via',
  'action',
  'subject',
  'address_key',
  'client',
  'status',
  'outcome',
  'request_id',
]

/** Answers with all entries that pass the filter, newest first. Stops reading when the client disconnects. */
export async function answerWithAuditLog(ctx: Context, db: Database, filter: AuditFilter): Promise<void> {
  const readPage = (before: { id: string } | null) => listAuditEntries(db, filter, before, pageSize)
  const first = await inTime(() => readPage(null))
  ctx.type = 'text/csv; charset=utf-8'
  ctx.set('Content-Disposition', 'attachment; filename="audit.csv"')
  ctx.body = Readable.from(csvOf(first, (before) => inFileTime(() => readPage(before))))
}

async function* csvOf(
  first: readonly AuditEntry[],
  readPage: (before: { id: string }) => Promise<AuditEntry[]>,
): AsyncGenerator<string> {
  yield stringify([header])
  for (let page = first; page.length > 0; ) {
    yield stringify(page.map(rowOf))
    const last = page.at(-1)
    page = last ? await readPage({ id: String(last.id) }) : []
  }
}

const rowOf = ({ id, at, actor, project, via, action, subject, addressKey, client, status, requestId }: AuditEntry) =>
  [
    ...[String(id), at.toISOString(), actor, project ?? '', via, action, subject ?? '', addressKey ?? '', client],
    ...[String(status), auditOutcomeOf(status), requestId],
  ].map(escapedCell)
