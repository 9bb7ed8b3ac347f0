/**
 * When emails that are refused through the sender's own fault raise an incident: one for each reason and mailbox provider, not one for
 * each email.
 */
import type { FailureReason } from './failure.ts'
import { failureLabelOf } from './failure-labels.ts'
import { mailboxProviderLabel, otherMailboxProvider } from './mailbox-provider.ts'
import { mailboxProviders } from './mailbox-providers.ts'
import { type AlarmLevel, type AlarmPolicy, type Finding, levelOf } from './rate-policy.ts'
import { refusalAdvice, senderDomainIn } from './refusal-advice.ts'

/** The period over which refusals are measured. */
export const refusalWindowMs = 3_600_000

/** Failures of one reason at one mailbox provider that are the sender's or the provider's fault, within {@link refusalWindowMs}. */
export interface Refusals {
  readonly reason: FailureReason
  /** A mailbox provider, `other`, or the email provider if it refused to send. */
  readonly at: string
  /** The number of recipients whose email was refused, and not delivered since. */
  readonly refused: number
  /** The number of recipients with an outcome at this mailbox provider, or email provider: delivered, bounced, failed or refused. */
  readonly settled: number
  /** The receiver's last reply, without addresses; null if there was none. */
  readonly reply: string | null
}

type RefusalPolicy = Pick<AlarmPolicy, 'refusalRate' | 'minimumRefusals'>

/** One finding for each reason and mailbox provider. Pure. */
export const refusalFindings = (refusals: readonly Refusals[], policy: RefusalPolicy): Finding[] =>
  refusals.map((refused) => ({
    reason: 'sender_refused',
    scope: `${refused.reason}/${refused.at}`,
    level: levelOfRefusals(refused, policy),
    detail: detailOf(refused),
  }))

/** Fewer refusals than the minimum raise nothing; fewer than half of the minimum clear it. */
export function levelOfRefusals(
  { refused, settled }: Pick<Refusals, 'refused' | 'settled'>,
  { refusalRate, minimumRefusals }: RefusalPolicy,
): AlarmLevel {
  if (settled === 0 || refused < minimumRefusals / 2) return 'clear'
  const level = levelOf(refused / settled, refusalRate)
  return level === 'raised' && refused < minimumRefusals ? 'held' : level
}

/** How much of a reply is quoted. */
const longestReply = 200

/** Numbers, reason, what to do, and the reply: `38 of 40 emails to Gmail within an hour were refused: DMARC. Fix …` */
function detailOf({ reason, at, refused, settled, reply }: Refusals): string {
  const whither = isMailboxProvider(at) ? `to ${mailboxProviderLabel(at)}` : `through ${at}`
  const cause = causeOf(reason, reply)
  const said = reply === null ? '' : ` The last reply: “${shortened(reply)}”`
  return (
    `${refused} of ${settled} emails ${whither} within an hour were refused: ${cause}. ` +
    `${refusalAdvice(reason, senderDomainIn(reply))}${said}`
  )
}

/** The words of a refusal's scope: `Gmail (authentication failed)`. */
export function refusalScopeLabel(scope: string): string {
  const [reason = '', at = ''] = scope.split('/')
  return `${isMailboxProvider(at) ? mailboxProviderLabel(at) : at} (${lowerCase(failureLabelOf(reason).label)})`
}

/** An email provider has another name than all mailbox providers. */
const isMailboxProvider = (at: string): boolean => at === otherMailboxProvider || Object.hasOwn(mailboxProviders, at)

const mechanisms = ['DMARC', 'DKIM', 'SPF', 'ARC'] as const

/** The mechanism that the reply names, if authentication failed; else the reason. */
function causeOf(reason: FailureReason, reply: string | null): string {
  const named =
    reason === 'authentication' ? mechanisms.filter((it) => new RegExp(`\\b${it}\\b`, 'i').test(reply ?? '')) : []
  return named.length > 0 ? named.join(' and ') : lowerCase(failureLabelOf(reason).label)
}

const lowerCase = (label: string): string => label.charAt(0).toLowerCase() + label.slice(1)

/** Replies have no address. Should one have an `@` all the same, what is before it is left out. */
function shortened(reply: string): string {
  const text = reply.replace(/\S*@/g, '…')
  return text.length > longestReply ? `${text.slice(0, longestReply)}…` : text
}
