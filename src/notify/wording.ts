/** The sentences that support reads: which email, what happened, since when, and what to do. Pure. */
import type { EmailEscalationReason } from '../domain/escalation.ts'
import { type IncidentReason, incidentIn, isIncidentReason } from '../domain/incident.ts'
import type { SupportNotice } from './support.ts'

const headlines: Record<EmailEscalationReason, string> = {
  stalled: 'no word on its delivery',
  critical_bounce: 'it bounced and will not arrive',
  critical_complaint: 'its recipient marked it as spam',
  recipient_unclear: 'one of its recipients is not to be written to again, but the provider did not say which',
}

const incidentHeadlines: Record<IncidentReason, string> = {
  bounce_rate: 'too many emails bounce',
  complaint_rate: 'too many emails are marked as spam',
  backlog: 'events wait too long to be applied',
  signature_failures: 'webhooks come with a wrong signature',
  silence: 'no webhooks come any more',
}

/** What support is to do, by why it is called. */
export const remedies: Readonly<Record<EmailEscalationReason | IncidentReason, string>> = {
  bounce_rate:
    'Stop what sends to old or bought addresses, and look at the bounces: providers and receivers refuse senders whose ' +
    'rate stays high. It is resolved by itself when the rate is back.',
  complaint_rate:
    'Look at what was sent to whom, and make unsubscribing easy: receivers put the mail of such senders among spam. It ' +
    'is resolved by itself when the rate is back.',
  backlog: 'See whether Temporal is up and a worker is running. Nothing is lost meanwhile.',
  signature_failures:
    'Compare the webhook secret with the one at the provider. The provider sends again what was refused, for some hours.',
  silence: 'See at the provider whether its webhook is still switched on and reaches this system.',
  stalled:
    'Look the email up at the provider. If it is lost, reach the recipient in another way or send it again. ' +
    'A late delivery resolves this by itself.',
  critical_bounce:
    'Reach the recipient in another way and ask for a working address. The bounced address is suppressed until ' +
    'somebody removes it from the suppression list.',
  critical_complaint:
    'Do not send to this recipient again; reach them in another way if they wait for this. The address is suppressed.',
  recipient_unclear:
    'Find out at the provider which recipient the event was about, and add that address to the suppression list. ' +
    'Nobody was suppressed.',
}

/** One line, fit for a subject: `Second notice: critical email em_1: no word on its delivery`. Carries no address. */
export function headlineOf(notice: SupportNotice): string {
  const what = isIncidentReason(notice.reason)
    ? `${scopeOf(notice)}: ${incidentHeadlines[notice.reason]}`
    : `${notice.priority} email ${legible(notice.emailId)}: ${headlines[notice.reason]}`
  return notice.notice === 1 ? `${what.charAt(0).toUpperCase()}${what.slice(1)}` : `${ordinalOf(notice)}: ${what}`
}

/** The whole notice as plain text, lines separated by `\n`. It names recipients and subject: for support only. */
export function textOf(notice: SupportNotice): string {
  const again = notice.notice === 1 ? '' : ' You are told again because it is still not dealt with.'
  return [
    `${headlineOf(notice)}.`,
    ...(isIncidentReason(notice.reason)
      ? [`What happened: ${asSentence(legible(notice.detail))}`]
      : [
          `To: ${recipientsOf(notice)}`,
          `Subject: ${notice.subject === null ? '(unknown)' : legible(notice.subject)}`,
          `What happened: ${asSentence(legible(notice.detail))} Its status is ${legible(notice.status)}.`,
        ]),
    `Since: ${new Date(notice.openedAt).toISOString()}.${again}`,
    `What to do: ${remedies[notice.reason]}`,
    `Say that you have it: POST /v1/escalations/${encodeURIComponent(notice.escalationId)}/acknowledge` +
      `${incidentIn(notice) ? '' : ` (provider ${legible(notice.provider)})`}.`,
  ].join('\n')
}

/** `tag receipt`, `provider aisend`, `the system`. */
function scopeOf(notice: SupportNotice): string {
  const scope = incidentIn(notice)?.scope ?? ''
  return scope === 'system' ? 'the system' : legible(scope.replace(':', ' '))
}

const ordinals = ['First', 'Second', 'Third']

const ordinalOf = ({ notice }: SupportNotice): string => {
  const ordinal = ordinals[notice - 1]
  return ordinal ? `${ordinal} notice` : `Notice ${notice}`
}

/** So many recipients are named; the rest are counted. */
const namedRecipients = 5

function recipientsOf({ recipients }: SupportNotice): string {
  if (recipients.length === 0) return '(unknown)'
  const named = recipients.slice(0, namedRecipients).map(legible).join(', ')
  const rest = recipients.length - namedRecipients
  return rest > 0 ? `${named} and ${rest} more` : named
}

const longestQuote = 300

// biome-ignore lint/suspicious/noControlCharactersInRegex: taking control characters out is the point
const invisible = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g

/**
 * What others wrote, fit to stand in our sentences: on one line, without characters that turn the reading direction, and
 * with `<` and `>` replaced, since Slack reads `<!channel>` as a call to everybody and `<url|text>` as a link
 * (docs.slack.dev, "Formatting message text").
 */
function legible(text: string): string {
  const line = text.replace(invisible, ' ').replaceAll('<', '‹').replaceAll('>', '›').trim()
  const characters = [...line]
  return characters.length > longestQuote ? `${characters.slice(0, longestQuote).join('')}…` : line
}

const asSentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)
