/** Statements on the audit log. */
import type { AuditAction } from '../domain/audit.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import type { AuditEntry } from './generated/client.ts'

export interface NewAuditEntry {
  readonly actor: string
  /** Of the actor; null: all. */
  readonly project: string | null
  readonly via: 'api' | 'dashboard'
  readonly action: AuditAction
  readonly subject: string | null
  /** The keyed hash of an address, since the log is never erased; null without ERASURE_KEY. */
  readonly addressKey: string | null
  readonly client: string
  readonly status: number
  readonly requestId: string
}

export const addAuditEntry = (db: Database, entry: NewAuditEntry): Promise<AuditEntry> =>
  db.auditEntry.create({ data: entry })

export interface AuditFilter {
  readonly action?: AuditAction | undefined
  readonly actor?: string | undefined
  /** Epoch milliseconds: from the first, and before the second. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** An address: entries about it are found by its keyed hash. */
  readonly address?: string | undefined
}

/** Newest first. Indexes: audit_log_pkey, audit_log_action_id_idx, audit_log_actor_id_idx. */
export const listAuditEntries = (
  db: Database,
  { action, actor, from, to, address }: AuditFilter,
  before: { readonly id: string } | null,
  limit: number,
): Promise<AuditEntry[]> =>
  db.auditEntry.findMany({
    where: {
      ...(action && { action }),
      ...(actor && { actor }),
      ...((from !== undefined || to !== undefined) && {
        at: { ...(from !== undefined && { gte: new Date(from) }), ...(to !== undefined && { lt: new Date(to) }) },
      }),
      ...(address && { addressKey: erasedKeyOf(db, address) ?? 'unknown' }),
      ...(before && { id: { lt: BigInt(before.id) } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
  })
