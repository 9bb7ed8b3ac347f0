/** Compares the state of emails with the provider's record, and asks the provider about those that seem to differ. */
import { setTimeout as sleep } from 'node:timers/promises'
import { heartbeat } from '@temporalio/activity'
import { type FoundDifference, hasPending, type RecordedEmail, readOwnEmails } from '../db/audits.ts'
import { readAskedEmail } from '../db/emails-read.ts'
import { readRecipientKeys } from '../db/recipient-keys.ts'
import { type Agreement, addAgreements, noAgreement } from '../domain/agreement.ts'
import {
  type AuditedEmail,
  type AuditScope,
  differenceOf,
  type EmailDifference,
  isOfOtherAccount,
} from '../domain/audited-email.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import { overlapMs } from '../domain/reconciliation.ts'
import { ProviderUnreachableError } from '../providers/provider-api.ts'
import { onDatabase } from './database-failure.ts'
import type { StepContext } from './reconcile-steps.ts'
import { storeMissing } from './record-steps.ts'
import { untilNextRequest } from './request-pace.ts'

export interface AuditedBatch {
  readonly agreement: Agreement
  readonly differences: readonly FoundDifference[]
}

/** @param mustAsk whether the provider's record does not name them, so that only an answer about each of them can. */
export async function auditEmails(
  context: StepContext,
  emails: readonly RecordedEmail[],
  mustAsk: boolean,
): Promise<AuditedBatch> {
  const { db } = context.dependencies
  const ids = emails.map(({ emailId }) => emailId)
  const ownOf = await onDatabase('AuditUnreadable', () => readOwnEmails(db, context.run.provider, ids))
  const differences: FoundDifference[] = []
  let agreement = noAgreement
  for (const { emailId, events, wasMissing } of emails) {
    const email = { ...ownOf(emailId), theirs: events }
    const seen = mustAsk ? null : differenceOf(email, scopeOf(context, false))
    const mayBeAsked = mustAsk || (seen !== null && isWorthAsking(seen))
    const asked = mayBeAsked && !isOfOtherAccount(email) ? await askAbout(context, emailId, email) : null
    const difference = asked ? asked.difference : mustAsk ? differenceOf(email, scopeOf(context, true)) : seen
    if (difference) differences.push({ emailId, ...difference })
    agreement = addAgreements(agreement, countOf(difference, wasMissing || asked?.wasMissing === true))
    heartbeat()
  }
  return { agreement, differences }
}

/** Not where something here has to happen first. */
const isWorthAsking = ({ reason }: EmailDifference): boolean =>
  !['missing_here', 'not_applied', 'quarantined'].includes(reason)

const scopeOf = ({ run }: StepContext, isAsked: boolean): AuditScope => ({
  window: { from: run.from.getTime(), to: run.to.getTime() },
  isAsked,
  lateFrom: run.to.getTime() - overlapMs,
})

const countOf = (difference: EmailDifference | null, wasMissing: boolean): Agreement => ({
  compared: 1,
  equal: difference || wasMissing ? 0 : 1,
  healed: !difference && wasMissing ? 1 : 0,
  different: difference ? { [difference.reason]: 1 } : {},
})

/** How long an email's workflow may take to apply what the answer has brought. */
const applyingMs = 10_000

/** Asks at the provider's pace, and stores what is missing. Null if the provider cannot be asked about it. */
async function askAbout(context: StepContext, emailId: string, email: AuditedEmail) {
  const { dependencies, api, run } = context
  const { db, clock } = dependencies
  if (!api.fetchEvents) return null
  const about = await onDatabase('AuditUnreadable', () => readAskedEmail(db, { provider: run.provider, emailId }))
  const askedAt = clock()
  const answer = await api.fetchEvents(about).catch((error) => {
    // Some providers are searched by recipient.
    if (error instanceof ProviderUnreachableError && about.recipients.length === 0 && !error.mayHaveArrived) return null
    throw error
  })
  if (answer === null) return { difference: differenceOf(email, scopeOf(context, true)), wasMissing: false }
  const { events, missing } = await storeMissing(dependencies, run, answer)
  const keysOf = await onDatabase('AuditUnreadable', () => readRecipientKeys(db))
  const theirs = events.map((event) => lifecycleEventOf(event, keysOf(event)))
  const isHealed = missing.length > 0 && !run.isDryRun
  if (isHealed)
    await untilApplied(
      context,
      missing.map(({ id }) => id),
    )
  const own = isHealed
    ? (await onDatabase('AuditUnreadable', () => readOwnEmails(db, run.provider, [emailId])))(emailId)
    : email
  await untilNextRequest(
    api.history?.requestsPerSecond ?? api.suppressionLists?.requestsPerSecond ?? 1,
    askedAt,
    clock(),
  )
  return { difference: differenceOf({ ...own, theirs }, scopeOf(context, true)), wasMissing: isHealed }
}

async function untilApplied({ dependencies: { db, clock }, run }: StepContext, ids: readonly string[]): Promise<void> {
  const endsAt = clock() + applyingMs
  while (clock() < endsAt && (await onDatabase('AuditUnreadable', () => hasPending(db, run.provider, ids)))) {
    heartbeat()
    await sleep(250)
  }
}
