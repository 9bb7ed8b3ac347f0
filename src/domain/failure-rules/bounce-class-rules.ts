/**
 * Rules on the bounce classes of SparkPost (`bounce_class`) and Mailchimp Transactional (`bgtools_code`): both use the numbers of
 * BoogieTools' BounceStudio. The adapters write them as `class 22`. Classes that say nothing (0, 1, 20, 30, 40, 70) have no rule.
 */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

const rule = (id: string, classes: string, verdict: Omit<FailureRule, 'id' | 'source' | 'word'>): FailureRule => ({
  id: `bounce-class.${id}`,
  source: sources.bounceClasses,
  word: new RegExp(`\\bclass (?:${classes})$`),
  ...verdict,
})

/** Before the texts: a program answered, or the provider never handed the email to a receiver. */
export const bounceClassRules: readonly FailureRule[] = [
  rule('automatic-reply', '60|100', { reason: 'automatic_reply', isFinal: false }),
  {
    id: 'sparkpost.unsubscribed',
    source: sources.sparkpost,
    reason: 'unsubscribed',
    text: /\bsuppressed due to customer policy \(unsubscribe rule\)/,
  },
  {
    id: 'sparkpost.suppressed-address',
    source: sources.sparkpost,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    text: /\brecipient address (?:was )?suppressed due to (?:customer|system) policy\b/,
  },
  {
    id: 'sparkpost.generation',
    source: sources.sparkpost,
    reason: 'provider_refused',
    party: 'sender',
    isFinal: true,
    text: /\[internal\] (?:error while rendering part|campaign cancelled)\b/,
  },
]

/** After the texts, which say more than a class of them. */
export const vagueBounceClassRules: readonly FailureRule[] = [
  {
    id: 'mandrill.invalid-domain',
    source: sources.mandrill,
    reason: 'unknown_domain',
    word: /\binvalid_domain class 21$/,
  },
  // Mandrill does not say for which of its reasons: the recipient, the sender, or a rule of the account.
  {
    id: 'mandrill.rejected',
    source: sources.mandrill,
    reason: 'provider_refused',
    party: 'unknown',
    word: /^reject rejected$/,
  },
  rule('no-recipient', '10', { reason: 'unknown_recipient' }),
  rule('dns', '21', { reason: 'connection_failed', isFinal: false }),
  rule('full', '22', { reason: 'mailbox_full', isFinal: false }),
  rule('size', '23', { reason: 'too_large' }),
  rule('timeout', '24', { reason: 'timed_out' }),
  rule('provider', '25', { reason: 'provider_refused' }),
  rule('blocked', '50|51', { reason: 'blocked_reputation' }),
  rule('spam', '52', { reason: 'spam_content' }),
  rule('attachment', '53', { reason: 'virus' }),
  rule('relay', '54', { reason: 'relay_denied' }),
]
