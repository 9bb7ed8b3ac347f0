/** Statements on the runs that compare a provider's record with ours. */
import { randomUUID } from 'node:crypto'
import type { ReceivedEvent } from '../domain/events.ts'
import type { ReconciliationKind, TimeWindow } from '../domain/reconciliation.ts'
import type { Database } from './database.ts'
import type { Reconciliation } from './generated/client.ts'

export interface NewReconciliation extends TimeWindow {
  readonly provider: string
  readonly kind?: ReconciliationKind
  readonly isDryRun: boolean
  /** Who asked for it; null: the schedule. */
  readonly by: string | null
}

/** @returns the new run; null while another one of the provider is under way. Index: reconciliations_under_way. */
export async function startReconciliation(
  db: Database,
  { provider, kind = 'reconcile', from, to, isDryRun, by }: NewReconciliation,
): Promise<Reconciliation | null> {
  const id = `rec_${randomUUID()}`
  const data = { id, provider, kind, from: new Date(from), to: new Date(to), isDryRun, startedBy: by }
  const { count } = await db.reconciliation.createMany({ data: [data], skipDuplicates: true })
  return count === 0 ? null : db.reconciliation.findUnique({ where: { id } })
}

/** The run of a provider that is under way; null if none is. Index: reconciliations_under_way. */
export const findRunning = (db: Database, provider: string): Promise<Reconciliation | null> =>
  db.reconciliation.findFirst({ where: { provider, finishedAt: null } })

/**
 * The end of the last window that the schedule has compared and healed; null if there is none. What a person asked for may have begun after a
 * gap. Index: reconciliations_provider_started_at_idx. */
export async function readReconciledThrough(db: Database, provider: string): Promise<Date | null> {
  const { _max: last } = await db.reconciliation.aggregate({
    where: { provider, startedBy: null, finishedAt: { not: null }, failure: null },
    _max: { to: true },
  })
  return last.to
}

/** A run by its ID. Index: reconciliations_pkey. */
export const findReconciliation = (db: Database, id: string): Promise<Reconciliation | null> =>
  db.reconciliation.findUnique({ where: { id } })

/** A page that was compared. */
export interface ComparedPage {
  readonly compared: number
  readonly missing: number
  /** How many emails the missing ones are about. */
  readonly emails: number
  /** Of the next page; null after the last one, which ends the run. */
  readonly next: string | null
}

/** Index: reconciliations_pkey. */
export const recordPage = (db: Database, id: string, { compared, missing, emails, next }: ComparedPage) =>
  db.reconciliation.updateMany({
    where: { id, finishedAt: null },
    data: {
      compared: { increment: compared },
      missing: { increment: missing },
      emails: { increment: emails },
      cursor: next,
      ...(next === null && { finishedAt: new Date() }),
    },
  })

/** Ends a run early. @param failure without a part of the provider's answer. Index: reconciliations_pkey. */
export const recordFailure = (db: Database, id: string, failure: string) =>
  db.reconciliation.updateMany({ where: { id, finishedAt: null }, data: { finishedAt: new Date(), failure } })

/** The last runs, newest first; of one provider or kind, or of all. */
export const listReconciliations = (
  db: Database,
  { provider, kind }: { readonly provider?: string | undefined; readonly kind?: ReconciliationKind | undefined },
  limit: number,
): Promise<Reconciliation[]> =>
  db.reconciliation.findMany({
    where: { ...(provider !== undefined && { provider }), ...(kind !== undefined && { kind }) },
    orderBy: [{ startedAt: 'desc' }, { id: 'asc' }],
    take: limit,
  })

/**
 * The last finished comparison and the last finished audit of each provider, without dry runs. Index:
 * reconciliations_provider_started_at_idx.
 */
export const readLastReconciliations = (db: Database): Promise<Reconciliation[]> =>
  db.reconciliation.findMany({
    where: { finishedAt: { not: null }, isDryRun: false, kind: { in: ['audit', 'reconcile'] } },
    orderBy: [{ provider: 'asc' }, { kind: 'asc' }, { startedAt: 'desc' }],
    distinct: ['provider', 'kind'],
  })

/**
 * Those of `events` that are not stored: neither under their identity, nor, if the provider's record gives them an identity of their own,
 * as an event of the same type about the same recipient of the email, or about any where the record names none.
 * Indexes: event_identities_pkey, events_email_id_provider_idx.
 */
export async function findMissing(
  db: Database,
  provider: string,
  events: readonly ReceivedEvent[],
): Promise<ReceivedEvent[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT given.id FROM unnest(
      ${events.map(({ id }) => id)}::text[], ${events.map(({ emailId }) => emailId)}::text[],
      ${events.map(({ type }) => type)}::text[], ${events.map(({ recipient }) => recipient)}::text[]
    ) AS given(id, email_id, type, recipient)
    WHERE NOT EXISTS (SELECT FROM event_identities WHERE provider = ${provider} AND event_id = given.id)
      AND NOT (given.id LIKE 'reconcile:%' AND EXISTS (
        SELECT FROM events WHERE events.email_id = given.email_id AND events.provider = ${provider}
          AND events.type = given.type AND (given.recipient IS NULL OR coalesce(events.recipient, given.recipient) = given.recipient)))`
  const missing = new Set(rows.map(({ id }) => id))
  return events.filter(({ id }) => missing.has(id))
}
