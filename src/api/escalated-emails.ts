/** The emails that escalations are about: whom each concerns, and why. */

import type { Database } from '../db/database.ts'
import { readRecipientsOf } from '../db/email-recipients-read.ts'
import { readEmailsWithIds, readEventsOf } from '../db/emails-read.ts'
import type { EmailKey } from '../domain/events.ts'
import { incidentIn } from '../domain/incident.ts'
import { type EmailView, storedEmailView } from './email-view.ts'
import type { FailureView } from './failure-view.ts'

/** An email that was escalated. */
export interface EscalatedEmail {
  readonly subject: string | null
  readonly status: string
  /** Of its worst bounce. */
  readonly failure: FailureView | null
  /** Those whom the escalation concerns. */
  readonly recipients: readonly {
    readonly address: string
    readonly status: string
    readonly failure: FailureView | null
  }[]
}

/** Identifies what an escalation is about, and says why it was opened. */
type Escalated = EmailKey & { readonly id: string; readonly reason: string }

/**
 * The emails of escalations, by the escalation's ID. Incidents have none, nor has an email that is no longer stored. Three
 * statements for any number. Indexes: emails_pkey, email_recipients_pkey, events_email_id_provider_idx.
 */
export async function readEscalatedEmails(
  db: Database,
  escalations: readonly Escalated[],
): Promise<ReadonlyMap<string, EscalatedEmail>> {
  const ofEmails = escalations.filter((escalation) => incidentIn(escalation) === null)
  if (ofEmails.length === 0) return new Map()
  const ids = [...new Set(ofEmails.map(({ emailId }) => emailId))]
  const [rows, events, recipients] = await Promise.all([
    readEmailsWithIds(db, ids),
    readEventsOf(db, ids, 'bounced'),
    readRecipientsOf(db, ids),
  ])
  const emails = new Map(
    rows.map((row) => [keyOf(row.provider, row.id), storedEmailView(row, { events, recipients, escalations: [] })]),
  )
  return new Map(
    ofEmails.flatMap(({ id, provider, emailId, reason }) => {
      const email = emails.get(keyOf(provider, emailId))
      return email ? [[id, escalatedEmailOf(email, reason)] as const] : []
    }),
  )
}

const keyOf = (provider: string, id: string): string => JSON.stringify([provider, id])

function escalatedEmailOf(email: EmailView, reason: string): EscalatedEmail {
  const concerned = email.recipients.filter((recipient) => concerns[reason]?.(recipient) ?? true)
  return {
    subject: email.subject,
    status: email.status,
    failure: email.failure,
    recipients: (concerned.length > 0 ? concerned : email.recipients).map(({ address, status, failure }) => ({
      ...{ address, status, failure },
    })),
  }
}

const settled: ReadonlySet<string> = new Set(['delivered', 'bounced', 'failed'])

/** Which recipients an escalation concerns, by its reason; where none is so any more, all. */
const concerns: Readonly<Record<string, (recipient: EmailView['recipients'][number]) => boolean>> = {
  stalled: ({ delivery }) => !settled.has(delivery),
  critical_bounce: ({ delivery }) => delivery === 'bounced' || delivery === 'failed',
  critical_complaint: ({ complainedAt }) => complainedAt !== null,
}
