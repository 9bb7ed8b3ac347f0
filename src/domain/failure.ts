/** Why an email failed, and whose fault it was: the vocabulary of {@link judgeFailure}'s answers. */

/** Each reason of a failure with its meaning and the party that it points at, unless a rule names another. */
export const failureReasons = {
  /** The receiver does not know the mailbox. */
  unknown_recipient: 'recipient',
  /** The mailbox exists, but is disabled, suspended, closed or unused. */
  inactive_mailbox: 'recipient',
  /** The mailbox has no storage left. */
  mailbox_full: 'recipient',
  /** The recipient has moved to another address. */
  recipient_moved: 'recipient',
  /** The recipient's domain does not exist, or accepts no mail at all. */
  unknown_domain: 'recipient',
  /** The recipient's address is malformed or ambiguous. */
  bad_address: 'recipient',
  /** The receiver refuses the sending host or domain for its reputation, or by its own block. */
  blocked_reputation: 'sender',
  /** The receiver refuses the sender because a block list names it. */
  blocked_list: 'sender',
  /** SPF, DKIM, DMARC, ARC or reverse DNS did not pass. */
  authentication: 'sender',
  /** The sender's address or domain is malformed, does not exist, or is not accepted. */
  bad_sender: 'sender',
  /** A filter takes the content for spam. */
  spam_content: 'sender',
  /** A filter found a virus or a forbidden attachment. */
  virus: 'sender',
  /** The receiver's policy refuses the email, for instance because the mailbox takes mail from members only. */
  policy: 'receiver',
  /** The message exceeds a size limit. */
  too_large: 'sender',
  /** Too many messages, recipients or connections in too short a time. */
  rate_limited: 'sender',
  /** The receiver postpones mail from unfamiliar senders. */
  greylisted: 'receiver',
  /** The server that was asked does not accept mail for the recipient's domain, or asks for a login. */
  relay_denied: 'receiver',
  /** SMTP commands, message format or TLS did not meet the receiver's requirements. */
  protocol_error: 'sender',
  /** No connection: refused, reset, no route, DNS or TLS failure. */
  connection_failed: 'receiver',
  /** No answer in time, or the message expired in the queue. */
  timed_out: 'receiver',
  /** The receiver's system has a fault: a full disk, a loop, a configuration error. */
  receiver_error: 'receiver',
  /** The provider did not send it: quota, suspended account, its own suppression list, a template. */
  provider_refused: 'provider',
  /** The recipient had unsubscribed. */
  unsubscribed: 'sender',
  /** A program answered on the recipient's behalf, for instance an absence notice. Not a failure. */
  automatic_reply: 'recipient',
  /** Nothing says why. */
  unknown: 'unknown',
} as const satisfies Record<string, FailureParty>

export type FailureReason = keyof typeof failureReasons

/** The reasons as a list. */
export const failureReasonNames = Object.keys(failureReasons) as [FailureReason, ...FailureReason[]]

/**
 * Who caused a failure, and so who must act. `recipient`: the address; `sender`: the application, its domain or its
 * content; `receiver`: the recipient's mail server; `provider`: the service that sends for the application.
 */
export const failureParties = ['recipient', 'sender', 'receiver', 'provider', 'unknown'] as const
export type FailureParty = (typeof failureParties)[number]

/**
 * What a failure means for the delivery to its recipient. `bounced`: the recipient's address refused the email for good. `failed`: it
 * will not be delivered, for another reason. `deferred`: the provider still tries. `none`: not a failure, such as an automatic reply.
 */
export const failureOutcomes = ['bounced', 'failed', 'deferred', 'none'] as const
export type FailureOutcome = (typeof failureOutcomes)[number]

/** What is known of a failure; any of it may be missing. */
export interface FailureEvidence {
  /** The provider's type for it, such as `Permanent`, `dropped`, `HardBounce`. */
  readonly word?: string | null
  /** The provider's finer type, such as `MailboxFull`, `Unsubscribed Address`, `suppress-bounce`. */
  readonly subWord?: string | null
  /** The provider's class; null if it gives none. */
  readonly class?: 'hard' | 'soft' | null
  /** Enhanced status code (RFC 3463), such as `5.1.1`. */
  readonly enhancedCode?: string | null
  /** SMTP reply code (RFC 5321), such as `550`. */
  readonly replyCode?: string | null
  /** The response text, as the provider reports it. */
  readonly text?: string | null
  /** The host that answered. */
  readonly host?: string | null
}

export interface FailureJudgement {
  readonly reason: FailureReason
  readonly party: FailureParty
  /** Whether the failure is permanent: another attempt with the same message would fail too. */
  readonly isFinal: boolean
  /** The line that decided, without addresses; null if no text did. */
  readonly evidence: string | null
  /** The ID of the rule that decided. */
  readonly rule: string
}

/**
 * The step of SMTP at which the receiver refused: before it knew the sender, at the sender, at the recipient, or at the message.
 * What is refused before the recipient is named is not the recipient's fault.
 */
export type SmtpStage = 'connection' | 'sender' | 'recipient' | 'data'

/** One row of the rule table. A rule matches if all conditions that it has match. Patterns see lower-case text. */
export interface FailureRule {
  /** Unique and stable: judgements name it. */
  readonly id: string
  /** Where the rule's fact comes from. */
  readonly source: string
  readonly reason: FailureReason
  /** Unless given, the party that {@link failureReasons} names for the reason. */
  readonly party?: FailureParty
  /** Unless given, the codes decide, then the provider's class. */
  readonly isFinal?: boolean
  /** The provider's type and subtype, joined by a space. */
  readonly word?: RegExp
  /** The response text without addresses, IP addresses, sizes, host names and URLs. */
  readonly text?: RegExp
  /** The response text with host names and URLs, and the host that answered. */
  readonly line?: RegExp
  /** The enhanced status code. */
  readonly enhanced?: RegExp
  /** The SMTP reply code. */
  readonly reply?: RegExp
  /** The step of SMTP that was answered, as far as the text says. */
  readonly stage?: SmtpStage
  /** Neither the provider nor the text names a code. */
  readonly hasNoCode?: true
}

/** Whether the recipient's address is at fault for good, so that it must not be written to again. */
export const isHeldAgainstRecipient = ({ party, isFinal }: FailureJudgement): boolean =>
  party === 'recipient' && isFinal

/** Whether it counts as one of the soft bounces that suppress a recipient on 3 different days within 14. */
export const countsTowardsSuppression = ({ reason, isFinal }: FailureJudgement): boolean =>
  !isFinal && (reason === 'mailbox_full' || reason === 'inactive_mailbox')

/**
 * What a judged failure means for the delivery.
 * @param isOver whether the provider has stopped trying.
 */
export function outcomeOf(judgement: FailureJudgement, isOver: boolean): FailureOutcome {
  if (judgement.reason === 'automatic_reply') return 'none'
  if (!isOver) return 'deferred'
  return isHeldAgainstRecipient(judgement) ? 'bounced' : 'failed'
}
