/** Rules on Mailjet's `error_related_to` and `error`, which the adapter joins: `recipient: user unknown`. */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

const rule = (id: string, errors: string, verdict: Omit<FailureRule, 'id' | 'source' | 'word'>): FailureRule => ({
  id: `mailjet.${id}`,
  source: sources.mailjet,
  word: new RegExp(`^(?:bounce|blocked) (?:${errors})$`),
  ...verdict,
})

/** Before the texts: Mailjet never handed these emails to a receiver. */
export const mailjetRules: readonly FailureRule[] = [
  rule('blocklisted', 'recipient: (?:blacklisted|spam reporter)|mailjet: preblocked', {
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
  }),
  rule('template', 'content: (?:bad or empty template|error in template language)', {
    reason: 'provider_refused',
    party: 'sender',
    isFinal: true,
  }),
  rule('duplicate', 'mailjet: duplicate in campaign', { reason: 'provider_refused', party: 'sender', isFinal: true }),
]

/** After the texts: `comment` has the receiver's reply to a bounce. */
export const vagueMailjetRules: readonly FailureRule[] = [
  rule('user-unknown', 'recipient: user unknown', { reason: 'unknown_recipient' }),
  rule('inactive', 'recipient: mailbox inactive', { reason: 'inactive_mailbox' }),
  // "This is a non-permanent error."
  rule('full', 'recipient: quota exceeded', { reason: 'mailbox_full', isFinal: false }),
  rule('domain', 'domain: (?:invalid domain|typofix)', { reason: 'unknown_domain' }),
  // "Nobody answers when we knock at the door."
  rule('no-host', 'domain: no mail host', { reason: 'connection_failed' }),
  rule('relay', 'domain: relay/access denied', { reason: 'relay_denied' }),
  rule('sender-blocked', 'spam: sender blocked', { reason: 'blocked_reputation' }),
  rule('content', 'spam: content blocked', { reason: 'spam_content' }),
  rule('policy', 'spam: policy issue', { reason: 'policy' }),
  // "Something went wrong with our servers."
  rule('system', 'system: (?:system|protocol|connection) issue', { reason: 'provider_refused', isFinal: false }),
]
