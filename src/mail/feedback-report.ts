/** Feedback reports: what a mailbox provider passes on of its users' complaints (RFC 5965, and Hotmail's own form). */
import { type Fields, fieldsIn } from './fields.ts'
import { addressesInText, messageIdsIn } from './mail-addresses.ts'
import type { Mail } from './read-mail.ts'
import type { ReturnedMessage } from './returned-message.ts'

/** `complained`: a person reported the email as spam or as fraud. `unsubscribed`: a person wants no more. Else it is about no person. */
type Feedback = 'complained' | 'unsubscribed' | 'other'

export interface FeedbackReport {
  readonly feedback: Feedback
  /** As the report writes it, such as `abuse`. */
  readonly type: string
  /** Null if it was removed from the report, as some providers do (RFC 6590). */
  readonly recipient: string | null
  readonly arrivalDate: string | null
  readonly reportingMta: string | null
  readonly userAgent: string | null
  readonly messageIds: readonly string[]
  readonly envelopeId: string | null
}

/**
 * The registered types (RFC 5965 §7.3, RFC 6430, RFC 6591) that a person causes. `not-spam` takes a complaint back, `virus` is a filter's, and
 * `auth-failure` is about the sender's domain. `opt-out` is of the drafts before RFC 5965.
 */
const feedbackByType: Readonly<Record<string, Feedback>> = {
  abuse: 'complained',
  fraud: 'complained',
  'opt-out': 'unsubscribed',
  'opt-out-list': 'unsubscribed',
}

/** The feedback report in a mail; null if it is none. Never throws. */
export function feedbackReportIn(mail: Mail, returned: ReturnedMessage | null): FeedbackReport | null {
  const part = mail.parts.find(({ contentType }) => contentType === 'message/feedback-report')
  if (part) return reportOf(fieldsIn(part.content), returned)
  return isHotmailComplaint(mail, returned) ? hotmailComplaint(mail, returned) : null
}

function reportOf(fields: Fields, returned: ReturnedMessage | null): FeedbackReport {
  const type = (fields.first('feedback-type') ?? 'unknown').toLowerCase()
  const named = ['original-rcpt-to', 'removal-recipient'].map((name) => addressesInText(fields.first(name) ?? '')[0])
  return {
    feedback: Object.hasOwn(feedbackByType, type) ? (feedbackByType[type] ?? 'other') : 'other',
    type: type.slice(0, 100),
    recipient: returned?.complainant ?? named.find((address) => address !== undefined) ?? null,
    arrivalDate: fields.first('arrival-date') ?? fields.first('received-date'),
    reportingMta: fields.first('reporting-mta')?.replace(/^[\w-]{1,40}\s*;\s*/, '') ?? null,
    userAgent: fields.first('user-agent'),
    messageIds: messageIdsIn(fields.first('original-message-id')),
    envelopeId: fields.first('original-envelope-id'),
  }
}

/**
 * Hotmail's Junk Mail Reporting Program returns the message without a report. Microsoft adds the complainant's address to the message, in
 * `X-HmXmrOriginalRecipient`, and sends it from staff@hotmail.com ("JMRPP Frequently Asked Questions", question 4).
 */
const isHotmailComplaint = ({ fields }: Mail, returned: ReturnedMessage | null): boolean =>
  complainantIn(fields, returned) !== null ||
  (returned !== null &&
    /\bstaff@hotmail\.com\b/i.test(fields.first('from') ?? '') &&
    /^complaint about message/i.test(fields.first('subject') ?? ''))

const complainantIn = (fields: Fields, returned: ReturnedMessage | null): string | null =>
  returned?.complainant ?? addressesInText(fields.first('x-hmxmroriginalrecipient') ?? '')[0] ?? null

const hotmailComplaint = ({ fields }: Mail, returned: ReturnedMessage | null): FeedbackReport => ({
  ...{ feedback: 'complained', type: 'abuse', recipient: complainantIn(fields, returned) },
  ...{ arrivalDate: null, reportingMta: null, userAgent: null, messageIds: [], envelopeId: null },
})
