/** The events that a report makes, of the email that was found for it. Pure. */
import { classifyBounce } from '../domain/bounce-policy.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import { providerIn } from '../domain/project.ts'
import { buildBounce, buildEvent, codeIn, eventIdOf, responseOf, unknownEmailId } from '../providers/event-builder.ts'
import { identifier, timeIn } from '../providers/fields.ts'
import type { MailReport, RecipientOutcome } from './mail-report.ts'

/** Under which emails are stored that no provider's webhook has named. */
const mailProvider = 'mail'

/** An automatic reply, in the judgement's words. */
const automaticReplyWord = 'auto-reply'

export interface ReportContext {
  /** Null if the email is not known. */
  readonly email: { readonly id: string; readonly provider: string; readonly recipients: readonly string[] } | null
  /** From the return path; null if it has none. */
  readonly returnPathId: string | null
  readonly project: string
  readonly account: string | null
  /** Epoch milliseconds. */
  readonly receivedAt: number
}

/** What an event says besides whose it is. */
type Finding = Pick<ReceivedEvent, 'type' | 'bounce' | 'recipient'> & {
  readonly response?: string | null
  readonly at: number | null
  /** Equal in every copy of the report, however it came. */
  readonly identity: readonly unknown[]
  readonly facts: object
}

/** The events in a report; none if it says nothing of a delivery, or names neither an email nor an address that must be suppressed. */
export function eventsOfReport(report: MailReport, context: ReportContext): ReceivedEvent[] {
  return findingsIn(report, context).flatMap((finding) => {
    const event = eventOf(finding, report, context)
    return event === null ? [] : [event]
  })
}

function findingsIn(report: MailReport, { email }: ReportContext): Finding[] {
  if (report.kind === 'delivery')
    return report.outcomes.flatMap((outcome) => findingOf(outcome, report, email?.recipients ?? []))
  if (report.kind === 'feedback') return [feedbackOf(report, email?.recipients ?? [])]
  // Of an email that nobody knows, it says nothing that anyone needs.
  if (email === null) return []
  return [
    {
      type: 'bounced',
      recipient: recipientAmong(email.recipients, [report.sender]),
      bounce: buildBounce({ class: 'soft', message: report.subject, word: automaticReplyWord, isOver: true }),
      at: timeIn([report.date]),
      identity: [report.sender, report.subject],
      facts: { from: report.sender, subject: report.subject },
    },
  ]
}

type DeliveryReport = Extract<MailReport, { kind: 'delivery' }>

/** `relayed` and `expanded` say that another server will try, which reports no more. */
function findingOf(outcome: RecipientOutcome, report: DeliveryReport, recipients: readonly string[]): Finding[] {
  const { action, reply, lastAttempt } = outcome
  if (action === 'relayed' || action === 'expanded') return []
  const isDelivered = action === 'delivered'
  const common = {
    recipient: recipientAmong(recipients, [outcome.original, outcome.final]),
    at: timeIn([lastAttempt, report.date]),
    identity: [
      outcome.original,
      outcome.final,
      action,
      outcome.status,
      reply,
      lastAttempt,
      report.reportingMta,
      report.arrivalDate,
    ],
    facts: { reportingMta: report.reportingMta, arrivalDate: report.arrivalDate, form: report.form, ...outcome },
  }
  if (isDelivered) return [{ ...common, type: 'delivered', bounce: null, response: responseOf(reply) }]
  return [{ ...common, type: 'bounced', bounce: bounceOf(outcome) }]
}

/** A code such as 5.0.0 says less than the code in the reply (RFC 3463 §3.1). */
const saysNothing = (status: string | null): boolean => status === null || /^[245]\.0\.0$/.test(status)

function bounceOf({ action, status, reply, remoteMta }: RecipientOutcome) {
  const code = (saysNothing(status) ? codeIn(null, reply) : null) ?? status
  const isOver = action === 'failed'
  return buildBounce({
    class: isOver ? classifyBounce({ code }) : 'soft',
    code,
    message: reply,
    word: `action ${action}`,
    host: remoteMta,
    isOver,
  })
}

function feedbackOf(
  { report, email }: Extract<MailReport, { kind: 'feedback' }>,
  recipients: readonly string[],
): Finding {
  const [only = null, ...others] = email.to
  return {
    type: report.feedback,
    // Where the provider has removed the address, the message's own recipient stays, unless that was removed too.
    recipient: recipientAmong(recipients, [report.recipient, others.length === 0 ? only : null]),
    bounce: null,
    at: timeIn([report.arrivalDate]),
    identity: [report.type, report.recipient, report.arrivalDate, report.reportingMta, email.to],
    facts: { ...report, to: email.to },
  }
}

/**
 * Whom of an email's recipients a report is about. A report may name an address that the recipient forwards to, which is nobody's whom
 * the application wrote to; and anyone can write a report, so one about a known email suppresses none but its recipients.
 * @param named by the report, the surest first.
 */
function recipientAmong(recipients: readonly string[], named: readonly (string | null)[]): string | null {
  const known = named.filter((address) => address !== null)
  if (recipients.length === 0) return known[0] ?? null
  const [only = null, ...others] = recipients
  return known.find((address) => recipients.includes(address)) ?? (others.length === 0 ? only : null)
}

function eventOf(finding: Finding, report: MailReport, context: ReportContext): ReceivedEvent | null {
  const { email, project, account, receivedAt } = context
  const { type, bounce, recipient, response = null } = finding
  const names = [context.returnPathId, report.email.messageIds[0] ?? null, report.email.envelopeId]
  const [firstName = null] = names.flatMap((name) => identifier.safeParse(name).data ?? [])
  const id = `mail:${eventIdOf(report.kind, names, report.date, ...finding.identity)}`
  const emailId = email?.id ?? firstName ?? (mustSuppress(finding) ? unknownEmailId(id) : null)
  if (emailId === null) return null
  const provider = email?.provider ?? providerIn(project, mailProvider)
  return buildEvent({
    ...{ provider, id, emailId, type, bounce, recipient, response, receivedAt },
    // The clock of another server, or of whoever wrote the report.
    occurredAt: Math.min(finding.at ?? receivedAt, receivedAt),
    to: recipient === null ? [] : [recipient],
    subject: report.email.subject?.slice(0, 998) ?? null,
    payload: JSON.stringify({ report: report.kind, date: report.date, email: report.email, ...finding.facts }),
    ...(account !== null && email === null && { account }),
  })
}

/** Without an email, an event is of use only for the address that it suppresses. */
const mustSuppress = ({ type, bounce, recipient }: Finding): boolean =>
  recipient !== null &&
  (type === 'complained' || (type === 'bounced' && bounce?.class === 'hard' && bounce.isOver === true))
