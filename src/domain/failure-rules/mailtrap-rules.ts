/**
 * Rules on Mailtrap's words: the reasons for which it sends nothing, and its categories of bounces (mailtrap/mailtrap-docs: webhooks.md,
 * bounce-categorization.md). What it adds to its list of suppressions without the address being at fault, a timeout, is not held here.
 */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

const refusal = { source: sources.mailtrap, reason: 'provider_refused' } as const

/** It never handed these emails to a receiver. An unsubscription is `provider.unsubscribed`. */
export const mailtrapRules: readonly FailureRule[] = [
  {
    ...refusal,
    id: 'mailtrap.suppressed-address',
    party: 'recipient',
    isFinal: true,
    word: /^reject recipient in suppression list\. reason: (?!unsubscri)/,
  },
  { ...refusal, id: 'mailtrap.rejected', word: /^reject (?!rejected$|recipient in suppression list)/ },
  { ...refusal, id: 'mailtrap.suspended', isFinal: false, word: /^suspension / },
]

const category = (id: string, reason: FailureRule['reason'], word: RegExp): FailureRule => ({
  ...{ id: `mailtrap.${id}`, source: sources.mailtrap, reason, word },
})

/** They follow from the reply: where that says more, it decides. */
export const vagueMailtrapRules: readonly FailureRule[] = [
  category('bad-recipient', 'unknown_recipient', /^(?:soft )?bounce badrecipient$/),
  { ...category('over-quota', 'mailbox_full', /^(?:soft )?bounce overquota$/), isFinal: false },
  category('spam', 'spam_content', /^(?:soft )?bounce spam$|^soft bounce content$/),
  category('blocked', 'blocked_reputation', /^(?:soft )?bounce (?:block|spam_gmail)$/),
  category('bad-sender', 'bad_sender', /^(?:soft )?bounce badsender$/),
  category('dns', 'connection_failed', /^(?:soft )?bounce dnsfail$/),
  category('relay', 'relay_denied', /^(?:soft )?bounce relayfail$/),
  category('server', 'receiver_error', /^(?:soft )?bounce (?:serverfail|generalfail)$/),
  category('timeout', 'timed_out', /^(?:soft )?bounce timeout$/),
  category('policy', 'policy', /^(?:soft )?bounce serverpolicy$/),
]
