/**
 * An audit: reads the provider's record of a window, stores what is missing, then compares the state of every email in it, and of every
 * email that became known here meanwhile, and at last the suppression lists.
 */
import { z } from 'zod'
import {
  clearAudits,
  clearRecorded,
  countPendingOf,
  type EmailPlace,
  type FoundDifference,
  noteRecorded,
  readRecorded,
  readStatement,
  readUnrecorded,
  recordStep,
} from '../db/audits.ts'
import { readRecipientKeys } from '../db/recipient-keys.ts'
import { recordPage } from '../db/reconciliations.ts'
import { type Agreement, type AuditStatement, addAgreements, noAgreement } from '../domain/agreement.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import { type AuditedBatch, auditEmails } from './audit-emails.ts'
import { onDatabase } from './database-failure.ts'
import { compareLists } from './list-steps.ts'
import type { StepContext, TakeStep } from './reconcile-steps.ts'
import { stepTo } from './reconcile-steps.ts'
import { countsOf, type RecordPage, readPage, stepOf } from './record-steps.ts'

/** Emails whose state is compared in one step. Each of them may take a request, and a step no more than a few minutes. */
const emailsPerStep = 25

/** How long the events that were stored may take to be applied, as long as none is. */
const settlingMs = 60_000

/** Where an audit is. No address: it is stored. */
const placeForm = z.discriminatedUnion('phase', [
  z.object({ phase: z.literal('record'), page: z.string().nullable() }),
  z.object({ phase: z.literal('settling'), pending: z.number(), since: z.number() }),
  z.object({ phase: z.literal('recorded'), after: z.string() }),
  z.object({ phase: z.literal('unrecorded'), after: z.object({ at: z.string(), id: z.string() }).nullable() }),
  z.object({ phase: z.literal('lists') }),
])
type Place = z.infer<typeof placeForm>

export const takeAuditStep: TakeStep = async (context, cursor) => {
  const place: Place = cursor === null ? { phase: 'record', page: null } : placeForm.parse(JSON.parse(cursor))
  switch (place.phase) {
    case 'record':
      return readRecord(context, place.page)
    case 'settling':
      return settle(context, place)
    case 'recorded':
      return auditRecorded(context, cursor, place.after)
    case 'unrecorded':
      return auditUnrecorded(context, cursor, place.after)
    case 'lists':
      return auditLists(context, cursor)
  }
}

const cursorOf = (place: Place): string => JSON.stringify(place)

/** Notes and heals a page of the record. A provider without one is asked about each email that is known here. */
async function readRecord(context: StepContext, cursor: string | null) {
  const { dependencies, api, run } = context
  const { db, clock } = dependencies
  if (cursor === null) await onDatabase('AuditRejected', () => clearAudits(db, run.provider))
  const page: RecordPage = api.history
    ? await readPage(context, cursor)
    : { events: [], missing: [], next: null, requests: 1 }
  const next = cursorOf(
    page.next === null
      ? { phase: 'settling', pending: Number.MAX_SAFE_INTEGER, since: clock() }
      : { phase: 'record', page: page.next },
  )
  await onDatabase('AuditRejected', async () => {
    const [keysOf, missing] = [await readRecipientKeys(db), new Set(page.missing.map(({ id }) => id))]
    const noted = page.events.map((event) => ({
      emailId: event.emailId,
      event: lifecycleEventOf(event, keysOf(event)),
      wasMissing: missing.has(event.id),
    }))
    await noteRecorded(db, run.provider, noted)
    await recordPage(db, run.id, countsOf(page, next))
  })
  return stepOf(page, next, api.history?.requestsPerSecond ?? 1)
}

/** Waits until the emails' workflows have applied what was stored, as long as they make progress. */
async function settle(
  { dependencies: { db, clock }, run }: StepContext,
  before: { readonly pending: number; readonly since: number },
) {
  const pending = run.isDryRun ? 0 : await onDatabase('AuditUnreadable', () => countPendingOf(db, run.provider))
  const since = pending < before.pending ? clock() : before.since
  const isSettled = pending === 0 || clock() - since > settlingMs
  const next = cursorOf(isSettled ? { phase: 'recorded', after: '' } : { phase: 'settling', pending, since })
  await onDatabase('AuditRejected', () => recordPage(db, run.id, { compared: 0, missing: 0, emails: 0, next }))
  return stepTo(next, isSettled ? null : 1)
}

async function auditRecorded(context: StepContext, cursor: string | null, after: string) {
  const { db } = context.dependencies
  const found = await onDatabase('AuditUnreadable', () => readRecorded(db, context.run.provider, after, emailsPerStep))
  const last = found.at(-1)
  const next: Place = last ? { phase: 'recorded', after: last.emailId } : { phase: 'unrecorded', after: null }
  return recordEmails(context, cursor, next, await auditEmails(context, found, false))
}

async function auditUnrecorded(context: StepContext, cursor: string | null, after: EmailPlace | null) {
  const { dependencies, run } = context
  const window = { from: run.from.getTime(), to: run.to.getTime() }
  const found = await onDatabase('AuditUnreadable', () =>
    readUnrecorded(dependencies.db, run.provider, window, after, emailsPerStep),
  )
  const emails = found.map(({ id }) => ({ emailId: id, events: [], wasMissing: false }))
  const last = found.at(-1)
  const next: Place = last ? { phase: 'unrecorded', after: last } : { phase: 'lists' }
  return recordEmails(context, cursor, next, await auditEmails(context, emails, true))
}

const recordEmails = (
  context: StepContext,
  cursor: string | null,
  next: Place,
  { agreement, differences }: AuditedBatch,
) => record(context, cursor, cursorOf(next), { emails: agreement, differences })

async function auditLists(context: StepContext, cursor: string | null) {
  const { dependencies, run } = context
  const { agreement, differences } = await compareLists(context)
  await onDatabase('AuditRejected', () => clearRecorded(dependencies.db, run.provider))
  return record(context, cursor, null, { addresses: agreement, differences })
}

interface Found {
  readonly emails?: Agreement
  readonly addresses?: Agreement | null
  readonly differences: readonly FoundDifference[]
}

async function record(
  { dependencies: { db }, run }: StepContext,
  before: string | null,
  next: string | null,
  found: Found,
) {
  await onDatabase('AuditRejected', async () => {
    const { emails, addresses } = await readStatement(db, run.id)
    const statement: AuditStatement = {
      emails: addAgreements(emails ?? noAgreement, found.emails ?? noAgreement),
      addresses: found.addresses ?? addresses,
    }
    await recordStep(db, run, before, { next, statement, differences: found.differences })
  })
  return stepTo(next)
}
