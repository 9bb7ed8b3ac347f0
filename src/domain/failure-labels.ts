/** The reasons and parties of failures in words, for pages, notices and reports. */
import type { FailureParty, FailureReason } from './failure.ts'

/** A reason in words. */
interface FailureLabel {
  /** A few words, for a table or a badge: `Mailbox full`. */
  readonly label: string
  /** What happened, as one sentence that ends in a full stop. It names neither address nor receiver. */
  readonly sentence: string
}

export const failureLabels: Readonly<Record<FailureReason, FailureLabel>> = {
  unknown_recipient: {
    label: 'Unknown recipient',
    sentence: 'The receiving server does not know this mailbox.',
  },
  inactive_mailbox: {
    label: 'Inactive mailbox',
    sentence: 'The mailbox is disabled, suspended, closed or no longer used.',
  },
  mailbox_full: { label: 'Mailbox full', sentence: 'The mailbox has no storage left.' },
  recipient_moved: { label: 'Recipient moved', sentence: 'The recipient has moved to another address.' },
  unknown_domain: {
    label: 'Unknown domain',
    sentence: 'The domain of the address does not exist, or accepts no mail.',
  },
  bad_address: { label: 'Bad address', sentence: 'The address is malformed or ambiguous.' },
  blocked_reputation: {
    label: 'Blocked for reputation',
    sentence: 'The receiving server blocks the sending server or domain because of its reputation.',
  },
  blocked_list: {
    label: 'On a block list',
    sentence: 'The receiving server refuses mail because a block list names the sending server or domain.',
  },
  authentication: {
    label: 'Authentication failed',
    sentence: 'The email did not pass SPF, DKIM, DMARC, ARC or reverse DNS.',
  },
  bad_sender: {
    label: 'Bad sender address',
    sentence: 'The sender’s address or domain is malformed, does not exist, or is not accepted.',
  },
  spam_content: { label: 'Taken for spam', sentence: 'A filter takes the content for spam.' },
  virus: { label: 'Virus or attachment', sentence: 'A filter found a virus or a forbidden attachment.' },
  policy: {
    label: 'Receiver’s policy',
    sentence:
      'The receiver’s own rules refuse the email, for instance because the mailbox takes mail from members only.',
  },
  too_large: { label: 'Too large', sentence: 'The email exceeds a size limit.' },
  rate_limited: {
    label: 'Rate limited',
    sentence: 'There were too many emails, recipients or connections in too short a time.',
  },
  greylisted: {
    label: 'Greylisted',
    sentence: 'The receiving server postpones mail from unfamiliar senders.',
  },
  relay_denied: {
    label: 'Relay denied',
    sentence: 'The server that was asked does not accept mail for the recipient’s domain, or asks for a login.',
  },
  protocol_error: {
    label: 'Protocol error',
    sentence: 'SMTP commands, the message format or TLS did not meet the receiver’s requirements.',
  },
  connection_failed: {
    label: 'Connection failed',
    sentence: 'The receiving server could not be reached.',
  },
  timed_out: {
    label: 'Timed out',
    sentence: 'The receiving server did not answer in time, or the email expired in the queue.',
  },
  receiver_error: {
    label: 'Receiver’s fault',
    sentence: 'The receiver’s system has a fault, such as a full disk, a mail loop or a wrong configuration.',
  },
  provider_refused: {
    label: 'Refused by the provider',
    sentence:
      'The email provider did not send it, for instance because of a quota, its own suppression list or a template.',
  },
  unsubscribed: { label: 'Unsubscribed', sentence: 'The recipient had unsubscribed.' },
  automatic_reply: {
    label: 'Automatic reply',
    sentence: 'A program answered on the recipient’s behalf, for instance an absence notice. It is not a failure.',
  },
  unknown: { label: 'Reason unknown', sentence: 'Nothing says why.' },
}

/** A party in words. */
interface PartyLabel {
  /** A few words for a filter or a table: `Sender`. */
  readonly label: string
  /** Who must act, after the words "Who must act": `you, the sender`. */
  readonly actor: string
}

export const partyLabels: Readonly<Record<FailureParty, PartyLabel>> = {
  recipient: { label: 'Recipient', actor: 'the recipient; nothing to fix on your side' },
  sender: { label: 'Sender', actor: 'you, the sender' },
  receiver: { label: 'Receiver', actor: 'the recipient’s mail server' },
  provider: { label: 'Provider', actor: 'your email provider' },
  unknown: { label: 'Unknown', actor: 'nobody known' },
}

const own = <Value>(labels: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(labels, name) ? labels[name] : undefined

/** The words for a stored reason; those for `unknown` if it is none of this version's. */
export const failureLabelOf = (reason: string): FailureLabel => own(failureLabels, reason) ?? failureLabels.unknown

/** The words for a stored party; those for `unknown` if it is none of this version's. */
export const partyLabelOf = (party: string): PartyLabel => own(partyLabels, party) ?? partyLabels.unknown
