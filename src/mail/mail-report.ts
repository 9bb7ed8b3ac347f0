/** What a mail reports: one of the kinds of reports, and the email that it is about. Pure. */
import { isAutomaticReply } from './automatic-reply.ts'
import { type Action, deliveryStatusIn, type RecipientStatus } from './delivery-status.ts'
import { type FeedbackReport, feedbackReportIn } from './feedback-report.ts'
import { addressesInText, messageIdsIn } from './mail-addresses.ts'
import { type Mail, mayBeDmarcReport } from './read-mail.ts'
import { type ReturnedMessage, returnedMessageIn } from './returned-message.ts'
import { textOutcomesIn } from './text-report.ts'

/** What became of an email for one recipient. */
export interface RecipientOutcome {
  readonly original: string | null
  readonly final: string | null
  readonly action: Action
  readonly status: string | null
  /** The reply, or what the report says instead. */
  readonly reply: string | null
  readonly remoteMta: string | null
  readonly lastAttempt: string | null
  readonly willRetryUntil: string | null
}

/** The email that a report is about, by all names that the report has for it; the surest first. */
interface ReportedEmail {
  readonly messageIds: readonly string[]
  /** Of the sender's `MAIL FROM` (RFC 3461 §4.4). */
  readonly envelopeId: string | null
  readonly subject: string | null
  readonly to: readonly string[]
}

interface Reported {
  readonly email: ReportedEmail
  /** As the report's `Date` has it. */
  readonly date: string | null
}

export type MailReport =
  | (Reported & {
      readonly kind: 'delivery'
      readonly form: 'status' | 'text'
      readonly reportingMta: string | null
    } & {
      readonly arrivalDate: string | null
      readonly outcomes: readonly RecipientOutcome[]
    })
  | (Reported & { readonly kind: 'feedback'; readonly report: FeedbackReport })
  | (Reported & { readonly kind: 'automatic_reply'; readonly sender: string | null; readonly subject: string | null })

/** What the mail reports of an email; null if it is about none. Never throws. */
export function reportIn(mail: Mail): MailReport | null {
  const returned = returnedMessageIn(mail)
  const { fields } = mail
  const feedback = feedbackReportIn(mail, returned)
  if (feedback) {
    if (feedback.feedback === 'other') return null
    const email = emailOf(returned, feedback.messageIds, feedback.envelopeId)
    return { kind: 'feedback', report: feedback, email, date: fields.first('date') }
  }
  return deliveryReportIn(mail, returned) ?? automaticReplyIn(mail)
}

function deliveryReportIn(mail: Mail, returned: ReturnedMessage | null): MailReport | null {
  const status = deliveryStatusIn(mail.parts)
  const outcomes = status?.recipients.map((recipient) => outcomeOf(recipient, mail)) ?? []
  const isStatus = outcomes.length > 0
  const all = isStatus ? outcomes : textOutcomesIn(mail, returned).map(outcomeOfText)
  if (all.length === 0) return null
  const answered = ['in-reply-to', 'references'].flatMap((name) => messageIdsIn(mail.fields.first(name)).reverse())
  const { reportingMta = null, arrivalDate = null, envelopeId = null } = status ?? {}
  return {
    ...{ kind: 'delivery', form: isStatus ? 'status' : 'text', reportingMta, arrivalDate },
    outcomes: all.map((outcome) => withRecipient(outcome, all.length, returned)),
    email: emailOf(returned, answered, envelopeId),
    date: mail.fields.first('date'),
  }
}

/** Of Postfix, the text has more than the status: at which step of SMTP the receiver refused. Whose fault it was depends on that. */
const steps =
  /\(in reply to [^)]{2,60}\)|refused to talk to me|(?:after|while) (?:sending|initial connection|(?:pipelined )?(?:mail from|rcpt to|(?:end of )?data))/i

function outcomeOf({ diagnostic, ...recipient }: RecipientStatus, mail: Mail): RecipientOutcome {
  const [named] = [recipient.original, recipient.final].filter((address) => address !== null)
  const described = named === undefined ? '' : (wordsAbout(mail, named) ?? '')
  const isFuller = diagnostic === null || (steps.test(described) && !steps.test(diagnostic))
  return { ...recipient, reply: isFuller ? described || diagnostic : diagnostic }
}

/** The words about the recipient in the text beside the status, from the address to the next empty line. */
function wordsAbout({ text }: Mail, recipient: string): string | null {
  const paragraph = text.split(/\n[ \t]*\n/).find((one) => addressesInText(one.slice(0, 400))[0] === recipient)
  const words = paragraph?.replace(/\s+/g, ' ').trim().slice(0, 2_000) ?? ''
  return words.includes(' ') ? words : null
}

const outcomeOfText = ({
  recipient,
  action,
  text,
}: {
  recipient: string | null
  action: Action
  text: string
}): RecipientOutcome => ({
  ...{ original: null, final: recipient, action, status: null, reply: text || null },
  ...{ remoteMta: null, lastAttempt: null, willRetryUntil: null },
})

/** A report that names no address, as with `unknown; user`, is about the only recipient of the message that it returns. */
function withRecipient(
  outcome: RecipientOutcome,
  outcomes: number,
  returned: ReturnedMessage | null,
): RecipientOutcome {
  const [only = null, ...others] = returned?.to ?? []
  const isUnnamed = outcome.original === null && outcome.final === null
  return isUnnamed && outcomes === 1 && others.length === 0 ? { ...outcome, final: only } : outcome
}

function automaticReplyIn(mail: Mail): MailReport | null {
  const { fields } = mail
  if (!isAutomaticReply(mail) || mail.parts.some(mayBeDmarcReport)) return null
  const answered = ['in-reply-to', 'references'].flatMap((name) => messageIdsIn(fields.first(name)).reverse())
  return {
    kind: 'automatic_reply',
    sender: addressesInText(fields.first('from') ?? '')[0] ?? null,
    subject: fields.first('subject'),
    email: { messageIds: [...new Set(answered)].slice(0, maxMessageIds), envelopeId: null, subject: null, to: [] },
    date: fields.first('date'),
  }
}

/** A mail may name any number in `References`. */
const maxMessageIds = 10

const emailOf = (
  returned: ReturnedMessage | null,
  messageIds: readonly string[],
  envelopeId: string | null,
): ReportedEmail => ({
  messageIds: [...new Set([...(returned?.messageIds ?? []), ...messageIds])].slice(0, maxMessageIds),
  envelopeId,
  subject: returned?.subject ?? null,
  to: returned?.to ?? [],
})
