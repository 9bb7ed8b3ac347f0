/** Statements of audits: what the provider's record says of each email, and what is stored here. */
import { type AuditStatement, type DifferenceReason, emptyStatement } from '../domain/agreement.ts'
import type { OwnEvent } from '../domain/audited-email.ts'
import type { LifecycleEvent } from '../domain/events.ts'
import type { Snapshot } from '../domain/lifecycle.ts'
import type { TimeWindow } from '../domain/reconciliation.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { type AuditDifference, Prisma } from './generated/client.ts'
import { eventOfRow, type SignalRow, signalColumns } from './signalled-events.ts'
import { snapshotOf } from './snapshot-columns.ts'

/** An event of the provider's record. */
export interface RecordedEvent {
  readonly emailId: string
  readonly event: LifecycleEvent
  /** Whether the audit has stored it here. */
  readonly wasMissing: boolean
}

/** Notes what a page says; a page that is read again changes nothing. Index: audited_events_pkey. */
export const noteRecorded = (db: Database, provider: string, recorded: readonly RecordedEvent[]) =>
  db.auditedEvent.createMany({
    data: recorded.map(({ emailId, event, wasMissing }) => ({
      ...{ provider, emailId, wasMissing, eventId: event.id },
      event: event as unknown as Prisma.InputJsonObject,
    })),
    skipDuplicates: true,
  })

/** Deletes what earlier audits of the provider have noted and found. Indexes: audited_events_pkey, audit_differences_run_id_id_idx. */
export async function clearAudits(db: Database, provider: string): Promise<void> {
  await clearRecorded(db, provider)
  await db.auditDifference.deleteMany({ where: { provider } })
}

/** Index: audited_events_pkey. */
export const clearRecorded = (db: Database, provider: string) => db.auditedEvent.deleteMany({ where: { provider } })

/** How many of the events that the audit has stored are pending. Indexes: audited_events_pkey, events_pkey. */
export async function countPendingOf(db: Database, provider: string): Promise<number> {
  const [row] = await db.$queryRaw<{ pending: number }[]>`
    SELECT count(*)::int AS pending FROM audited_events AS noted
    JOIN events USING (provider, event_id)
    WHERE noted.provider = ${provider} AND was_missing AND applied_at IS NULL AND quarantined_reason IS NULL`
  return row?.pending ?? 0
}

/** Whether any of these events is pending. Index: events_pkey. */
export async function hasPending(db: Database, provider: string, ids: readonly string[]): Promise<boolean> {
  const where = { provider, eventId: { in: [...ids] }, appliedAt: null, quarantinedReason: null }
  return (await db.event.count({ where })) > 0
}

/** An email in the provider's record. */
export interface RecordedEmail {
  readonly emailId: string
  readonly events: readonly LifecycleEvent[]
  readonly wasMissing: boolean
}

/** The next emails of the provider's record. Index: audited_events_pkey. @param after the last one of the page before; empty for the first. */
export const readRecorded = (db: Database, provider: string, after: string, limit: number): Promise<RecordedEmail[]> =>
  db.$queryRaw`
    SELECT email_id AS "emailId", json_agg(event) AS events, bool_or(was_missing) AS "wasMissing"
    FROM audited_events WHERE provider = ${provider} AND email_id > ${after}
    GROUP BY email_id ORDER BY email_id LIMIT ${limit}`

/** The place of an email among those that became known in a window. */
export interface EmailPlace {
  readonly at: string
  readonly id: string
}

/**
 * The next emails that became known in the window, and that the provider's record does not name.
 * Indexes: emails_created_at_id_provider_idx, audited_events_pkey.
 */
export async function readUnrecorded(
  db: Database,
  provider: string,
  { from, to }: TimeWindow,
  after: EmailPlace | null,
  limit: number,
): Promise<EmailPlace[]> {
  const rows = await db.$queryRaw<{ id: string; created_at: Date }[]>`
    SELECT id, created_at FROM emails
    WHERE provider = ${provider} AND created_at >= ${iso(from)}::timestamptz AND created_at < ${iso(to)}::timestamptz
      AND ${after === null ? Prisma.sql`true` : Prisma.sql`(created_at, id) > (${after.at}::timestamptz, ${after.id})`}
      AND NOT EXISTS (SELECT FROM audited_events WHERE audited_events.provider = ${provider} AND email_id = emails.id)
    ORDER BY created_at, id LIMIT ${limit}`
  return rows.map((row) => ({ id: row.id, at: iso(row.created_at) }))
}

/** What is stored here of an email. */
export interface OwnEmail {
  readonly ours: readonly OwnEvent[]
  readonly stored: Snapshot | null
  readonly isErased: boolean
  readonly knownSince: number | null
}

const unknownHere: OwnEmail = { ours: [], stored: null, isErased: false, knownSince: null }

interface OwnRow extends SignalRow {
  readonly email_id: string
  readonly state: OwnEvent['state']
  readonly account: string | null
}

/** By the email's ID. Indexes: emails_pkey, email_recipients_pkey, events_email_id_provider_idx. */
export async function readOwnEmails(
  db: Database,
  provider: string,
  ids: readonly string[],
): Promise<(id: string) => OwnEmail> {
  const of = { provider, emailId: { in: [...ids] } }
  const [emails, recipients, events] = await Promise.all([
    db.email.findMany({ where: { provider, id: { in: [...ids] } } }),
    db.emailRecipient.findMany({ where: of }),
    db.$queryRaw<OwnRow[]>`
      SELECT email_id, ${Prisma.raw(signalColumns('events'))}, account,
             CASE WHEN quarantined_reason IS NOT NULL THEN 'quarantined' WHEN applied_at IS NULL THEN 'pending' ELSE 'applied' END AS state
      FROM events WHERE provider = ${provider} AND email_id = ANY(${[...ids]})`,
  ])
  const byId = new Map(emails.map((row) => [row.id, row]))
  const byEmail = groupedBy(events, ({ email_id: emailId }) => emailId)
  const recipientsOf = groupedBy(recipients, ({ emailId }) => emailId)
  return (id) => {
    const [row, own] = [byId.get(id), byEmail.get(id)]
    if (!row && !own) return unknownHere
    return {
      ours: (own ?? []).map((event) => ({ event: eventOfRow(event), state: event.state, account: event.account })),
      stored: row ? snapshotOf(row, recipientsOf.get(id)) : null,
      isErased: row?.erasedAt != null,
      knownSince: row?.createdAt.getTime() ?? null,
    }
  }
}

function groupedBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}

/** Of an email, or of an entry of the suppression list. */
export interface FoundDifference {
  readonly reason: DifferenceReason
  readonly emailId?: string
  readonly suppressionId?: bigint
  readonly ours?: string | null
  readonly theirs?: string | null
}

/** What the steps of a run have found so far. Index: reconciliations_pkey. */
export async function readStatement(db: Database, runId: string): Promise<AuditStatement> {
  const row = await db.reconciliation.findUnique({ where: { id: runId }, select: { statement: true } })
  return (row?.statement as AuditStatement | null | undefined) ?? emptyStatement
}

/** What a step of a run has done. */
export interface RecordedStep {
  /** Where the next one begins; null after the last, which ends the run. */
  readonly next: string | null
  readonly statement: AuditStatement
  readonly differences?: readonly FoundDifference[]
}

/**
 * In one statement, so that a step counts once: one that another attempt has recorded before changes nothing.
 * @param before where the step began. Index: reconciliations_pkey.
 */
export async function recordStep(
  db: Database,
  run: { readonly id: string; readonly provider: string },
  before: string | null,
  { next, statement, differences = [] }: RecordedStep,
): Promise<void> {
  const found = differences.map(({ suppressionId, ...rest }) => ({ ...rest, suppressionId: suppressionId?.toString() }))
  await db.$executeRaw`
    WITH step AS (
      UPDATE reconciliations SET cursor = ${next}, statement = ${JSON.stringify(statement)}::jsonb,
        finished_at = CASE WHEN ${next}::text IS NULL THEN now() END
      WHERE id = ${run.id} AND finished_at IS NULL AND cursor IS NOT DISTINCT FROM ${before}
      RETURNING id
    )
    INSERT INTO audit_differences (provider, run_id, reason, email_id, suppression_id, ours, theirs)
    SELECT ${run.provider}, step.id, reason, "emailId", "suppressionId", ours, theirs FROM step, json_to_recordset(${JSON.stringify(found)}::json)
      AS found(reason text, "emailId" text, "suppressionId" bigint, ours text, theirs text)`
}

export type ListedDifference = AuditDifference & { readonly address: string | null }

/** What remained different after a run. Indexes: audit_differences_run_id_id_idx, suppressions_pkey. */
export const listDifferences = (
  db: Database,
  runId: string,
  after: string | null,
  limit: number,
): Promise<ListedDifference[]> =>
  db.$queryRaw`
    SELECT found.id, found.provider, run_id AS "runId", found.reason, found.email_id AS "emailId", suppression_id AS "suppressionId",
           ours, theirs, suppressions.address
    FROM audit_differences AS found LEFT JOIN suppressions ON suppressions.id = suppression_id
    WHERE run_id = ${runId} AND found.id > ${after ?? '0'}::bigint ORDER BY found.id LIMIT ${limit}`
