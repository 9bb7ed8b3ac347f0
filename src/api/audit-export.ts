/** The audit log as CSV. */
import type { Context } from 'koa'
import { type AuditFilter, listAuditEntries } from '../db/audit.ts'
import type { Database } from '../db/database.ts'
import type { AuditEntry } from '../db/generated/client.ts'
import { auditOutcomeOf } from '../domain/audit.ts'
import { answerWithCsv } from './csv-download.ts'

const pageSize = 1_000

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

/** Answers with all entries that pass the filter, newest first. */
export const answerWithAuditLog = (ctx: Context, db: Database, filter: AuditFilter): Promise<void> =>
  answerWithCsv<AuditEntry>(ctx, {
    fileName: 'audit.csv',
    header,
    readPage: (after) => listAuditEntries(db, filter, after && { id: String(after.id) }, pageSize),
    cellsOf,
  })

const cellsOf = ({
  id,
  at,
  actor,
  project,
  via,
  action,
  subject,
  addressKey,
  client,
  status,
  requestId,
}: AuditEntry) => [
  ...[String(id), at.toISOString(), actor, project ?? '', via, action, subject ?? '', addressKey ?? '', client],
  ...[String(status), auditOutcomeOf(status), requestId],
]
