/**
 * Failed deliveries as servers answer them, with RFC 3463 codes, and what each must be taken for: written by hand after the text,
 * deliberately without the rules in `src/domain`.
 */
import type { FailureOutcome, FailureParty, FailureReason } from '../domain/failure.ts'
import type { SampleBounce } from '../providers/sample.ts'

/** What must come of a failure. */
export interface ExpectedFailure {
  readonly reason: FailureReason
  readonly party: FailureParty
  readonly outcome: Exclude<FailureOutcome, 'none'>
  /** Whether it suppresses its recipient by itself. */
  readonly suppresses: boolean
}

interface SampleFailure {
  readonly bounce: SampleBounce
  readonly failure: ExpectedFailure
}

type Blame = readonly [reason: FailureReason, party: FailureParty, code: string, message: string]
type Failures = readonly [SampleFailure, ...SampleFailure[]]

/** The address refuses mail for good. */
const addressRefusal = (...[reason, party, code, message]: Blame): SampleFailure => ({
  bounce: { class: 'hard', code, message: `smtp; ${message}`, isOver: true },
  failure: { reason, party, outcome: 'bounced', suppresses: true },
})

/** The email is refused for good, and the address is not to blame. */
const emailRefusal = (...[reason, party, code, message]: Blame): SampleFailure => ({
  bounce: { class: 'soft', code, message: `smtp; ${message}`, isOver: true },
  failure: { reason, party, outcome: 'failed', suppresses: false },
})

/** The provider tries again. */
const delay = (...[reason, party, code, message]: Blame): SampleFailure => ({
  bounce: { class: 'soft', code, message: `smtp; ${message}`, isOver: false },
  failure: { reason, party, outcome: 'deferred', suppresses: false },
})

/** A failure or a delay of which the provider says nothing. */
export const unexplained = ({ class: bounceClass, isOver }: SampleBounce): ExpectedFailure => {
  const isHeld = isOver && bounceClass === 'hard'
  return {
    reason: 'unknown',
    party: isHeld ? 'recipient' : 'unknown',
    outcome: isHeld ? 'bounced' : isOver ? 'failed' : 'deferred',
    suppresses: isHeld,
  }
}

export const addressRefusals: Failures = [
  addressRefusal(
    'unknown_recipient',
    'recipient',
    '5.1.1',
    '550 5.1.1 The email account that you tried to reach does not exist. Please check the address for typos.',
  ),
  addressRefusal(
    'unknown_recipient',
    'recipient',
    '5.1.10',
    '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
  ),
  addressRefusal('unknown_domain', 'recipient', '5.1.2', '550 5.1.2 Host unknown (Name server: host not found)'),
  addressRefusal(
    'inactive_mailbox',
    'recipient',
    '5.2.1',
    '550 5.2.1 The email account that you tried to reach is disabled',
  ),
]

export const emailRefusals: Failures = [
  emailRefusal(
    'authentication',
    'sender',
    '5.7.26',
    "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy",
  ),
  emailRefusal(
    'mailbox_full',
    'recipient',
    '5.2.2',
    '552 5.2.2 The email account that you tried to reach is over quota',
  ),
  emailRefusal(
    'blocked_list',
    'sender',
    '5.7.1',
    '554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org',
  ),
  emailRefusal(
    'blocked_reputation',
    'sender',
    '5.7.1',
    '550 5.7.1 [192.0.2.25] This message is likely suspicious due to the very low reputation of the sending IP address',
  ),
  emailRefusal(
    'spam_content',
    'sender',
    '5.7.1',
    '550 5.7.1 Our system has detected that this message is likely unsolicited mail',
  ),
  emailRefusal('policy', 'receiver', '5.7.1', '554 5.7.1 Refused by policy'),
  emailRefusal('too_large', 'sender', '5.3.4', '552 5.3.4 Message size exceeds fixed limit'),
  emailRefusal('timed_out', 'receiver', '4.4.7', '450 4.4.7 Message expired: unable to deliver in 840 minutes'),
]

export const delays: Failures = [
  delay('mailbox_full', 'recipient', '4.2.2', '452 4.2.2 The mailbox is full'),
  delay('connection_failed', 'receiver', '4.4.1', '421 4.4.1 No answer from host'),
  delay('timed_out', 'receiver', '4.4.1', '451 4.4.1 Connection timed out'),
  delay('greylisted', 'receiver', '4.7.0', '451 4.7.0 Greylisted – try again later'),
  delay(
    'rate_limited',
    'sender',
    '4.7.28',
    '421 4.7.28 An unusual rate of unsolicited mail originates from your IP address. It has been temporarily rate limited.',
  ),
]
