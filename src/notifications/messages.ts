/** The text of notices: which email or scope, what happened, since when, and what to do. Pure. */
import type { EmailEscalationReason } from '../domain/escalation.ts'
import { type IncidentReason, incidentIn, isIncidentReason, recovered } from '../domain/incident.ts'
import { refusalScopeLabel } from '../domain/refusal-policy.ts'
import type { NoticeDigest, SupportNotice } from './channel.ts'

const headlines: Record<EmailEscalationReason, string> = {
  stalled: 'no delivery was reported in time',
  critical_bounce: 'it failed and will not be delivered',
  critical_complaint: 'its recipient reported it as spam',
  recipient_unclear: 'one of its recipients must be suppressed, but the provider did not say which',
}

export const incidentHeadlines: Record<IncidentReason, string> = {
  bounce_rate: 'too many emails bounce',
  complaint_rate: 'too many emails are reported as spam',
  backlog: 'events are not applied in time',
  signature_failures: 'webhooks have wrong signatures',
  silence: 'no webhooks are received',
  sender_refused: 'emails are refused through a fault on your side',
  endpoint_failing: 'an application does not accept its webhooks',
  mailbox_unread: 'a mailbox with reports cannot be read',
  temporal_refused: 'Temporal refuses requests',
  workflow_tasks_failing: 'workflows fail repeatedly',
}

/** What to do, by reason. */
export const remedies: Readonly<Record<EmailEscalationReason | IncidentReason, string>> = {
  bounce_rate:
    'Stop sending to old or bought addresses, and check the bounces: providers and receivers block senders whose rate stays ' +
    'high. The incident is resolved when the rate is low again.',
  complaint_rate:
    'Check what was sent to whom, and make it easy to unsubscribe: receivers deliver the email of such senders to spam ' +
    'folders. The incident is resolved when the rate is low again.',
  backlog: 'Check that Temporal and a worker are running. No event is lost: they are applied afterwards.',
  signature_failures:
    'Compare the configured webhook secret with the one at the provider. The provider retries refused webhooks for some hours.',
  temporal_refused:
    'Run the command `doctor`. It checks what can be wrong: the credentials (TEMPORAL_API_KEY, TLS), the namespace and the ' +
    'search attributes. Webhooks are still acknowledged and no event is lost: they are applied after the fix.',
  workflow_tasks_failing:
    'List them in the Temporal Web UI with `TemporalReportedProblems IS NOT NULL`, and read the failure of the last task. After ' +
    'a release, roll back to the previous one. The workflows continue when a worker can run them.',
  sender_refused:
    'The lines above say what to fix. No recipient was suppressed for it. Send the refused emails again after the fix: ' +
    'GET /v1/emails?reason=… lists them. The incident is resolved when the share of refused emails is low again.',
  endpoint_failing:
    'Check the application: the attempts of the endpoint say what it answered. Then resume the endpoint: what it missed is sent, ' +
    'in order, unless you skip it.',
  mailbox_unread:
    'Run the command `doctor`: it logs in to the mailbox. Compare the variables MAIL_IMAP_… with the mail server, and restart the workers after a change. ' +
    'No mail is lost: the mailbox is read on from where it was.',
  silence: 'Check at the provider that its webhook is enabled and that its URL reaches this system.',
  stalled:
    'Check the email at the provider. If it was not delivered, contact the recipient in another way or send it again. ' +
    'A late delivery resolves the escalation.',
  critical_bounce:
    'Contact the recipient in another way. If the address is at fault, ask for a working one: a suppressed address stays ' +
    'suppressed until it is removed from the suppression list. If the sender, the provider or the mail server is at fault, the ' +
    'email’s page says what to change; then send it again.',
  critical_complaint:
    'Do not send to this recipient again. If they need this email, contact them in another way. The address is suppressed.',
  recipient_unclear:
    'Check at the provider which recipient the event is about, and add that address to the suppression list. No address was ' +
    'suppressed.',
}

/** One line for a subject, without addresses: `Second notice: critical email em_1: no delivery was reported in time`. */
export function headlineOf(notice: SupportNotice): string {
  const what = isIncidentReason(notice.reason)
    ? `${scopeOf(notice)}: ${incidentHeadlines[notice.reason]}`
    : `${notice.priority} email ${legible(notice.emailId)}: ${headlines[notice.reason]}`
  return notice.notice === 1 ? `${what.charAt(0).toUpperCase()}${what.slice(1)}` : `${ordinalOf(notice)}: ${what}`
}

/** The whole notice as plain text. Contains recipients and subject, unless they were taken out: for support only. */
export function textOf(notice: SupportNotice): string {
  const again = notice.notice === 1 ? '' : ' This is a reminder: it is still open.'
  return [
    `${headlineOf(notice)}.`,
    ...addressLines(notice).map(([label, value]) => `${label}: ${value}`),
    `What happened: ${eventLine(notice)}`,
    `Since: ${new Date(notice.openedAt).toISOString()}.${again}`,
    `What to do: ${remedies[notice.reason]}`,
    `To acknowledge it: POST /v1/escalations/${encodeURIComponent(notice.escalationId)}/acknowledge` +
      `${incidentIn(notice) ? '' : ` (provider ${legible(notice.provider)})`}.`,
  ].join('\n')
}

/** Recipients and subject of an email, by label; none where they were taken out. */
export const addressLines = (notice: SupportNotice): [label: string, value: string][] =>
  notice.isWithoutAddresses || isIncidentReason(notice.reason)
    ? []
    : [
        ['To', recipientsOf(notice)],
        ['Subject', notice.subject === null ? '(unknown)' : legible(notice.subject)],
      ]

/** What happened, in a sentence or two. */
export const eventLine = (notice: SupportNotice): string =>
  isIncidentReason(notice.reason)
    ? asSentence(legible(notice.detail))
    : `${asSentence(legible(notice.detail))} Its status is ${legible(notice.status)}.`

/** `Acknowledged by ada`. */
export function stateLine({ state, acknowledgedBy, snoozedUntil, resolvedBy }: SupportNotice): string {
  if (state === 'acknowledged') return `Acknowledged by ${legible(acknowledgedBy ?? 'somebody')}`
  if (state === 'snoozed') return `Snoozed until ${new Date(snoozedUntil ?? 0).toISOString()}`
  return state === 'resolved' ? `Resolved by ${legible(resolverLabel(resolvedBy))}` : 'Open'
}

/** Who resolved an escalation: a person, or an event. */
export function resolverLabel(by: string | null): string {
  if (by === 'delivered') return 'delivery'
  if (by === recovered) return 'recovery'
  if (by === 'failed') return 'failure'
  return by === 'bounced' ? 'bounce' : (by ?? '')
}

/** Further ones are only counted. */
const longestDigest = 20

/** A digest as plain text, one line for each escalation. Contains no address. */
export function digestLines({ notices, resolved }: NoticeDigest): { readonly title: string; readonly lines: string[] } {
  const more = notices.length - longestDigest
  const count = notices.length === 1 ? '1 escalation needs' : `${notices.length} escalations need`
  return {
    title: `${count} attention`,
    lines: [
      ...notices.slice(0, longestDigest).map((notice) => `${headlineOf(notice)} – ${stateLine(notice)}`),
      ...(more > 0 ? [`and ${more} more`] : []),
      ...(resolved > 0 ? [`${resolved} of this time ${resolved === 1 ? 'is' : 'are'} resolved`] : []),
    ],
  }
}

/** `tag receipt`, `provider aisend`, `Gmail (authentication failed)`, `the system`. */
function scopeOf(notice: SupportNotice): string {
  const scope = incidentIn(notice)?.scope ?? ''
  if (scope === 'system') return 'the system'
  return legible(notice.reason === 'sender_refused' ? refusalScopeLabel(scope) : scope.replace(':', ' '))
}

const ordinals = ['First', 'Second', 'Third']

const ordinalOf = ({ notice }: SupportNotice): string => {
  const ordinal = ordinals[notice - 1]
  return ordinal ? `${ordinal} notice` : `Notice ${notice}`
}

/** Further recipients are only counted. */
const namedRecipients = 5

function recipientsOf({ recipients }: SupportNotice): string {
  if (recipients.length === 0) return '(unknown)'
  const named = recipients.slice(0, namedRecipients).map(legible).join(', ')
  const rest = recipients.length - namedRecipients
  return rest > 0 ? `${named} and ${rest} more` : named
}

const longestQuote = 500

// biome-ignore lint/suspicious/noControlCharactersInRegex: taking control characters out is the point
const invisible = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g

/**
 * Makes text from outside safe to quote: one line, without characters that change the reading direction, and with `<` and
 * `>` replaced, since Slack treats `<!channel>` as a mention and `<url|text>` as a link (docs.slack.dev, "Formatting message
 * text").
 */
function legible(text: string): string {
  const line = text.replace(invisible, ' ').replaceAll('<', '‹').replaceAll('>', '›').trim()
  const characters = [...line]
  return characters.length > longestQuote ? `${characters.slice(0, longestQuote).join('')}…` : line
}

const asSentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)
