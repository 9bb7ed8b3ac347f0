/** Rules on the event types of Scaleway Transactional Email. */
import type { FailureRule } from '../failure.ts'

const source = 'Scaleway, Transactional Email: webhook event types'

/** Before the texts: Scaleway did not send the email, and quotes why it had blocked the address. */
export const scalewayBlocklistRules: readonly FailureRule[] = [
  {
    id: 'scaleway.blocklisted',
    source,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    word: /^email_blocklisted mailbox_not_found$/,
  },
]

/** After the texts: a reply says more. */
export const scalewayRules: readonly FailureRule[] = [
  { id: 'scaleway.no-mailbox', source, reason: 'unknown_recipient', isFinal: true, word: /^email_mailbox_not_found$/ },
  { id: 'scaleway.spam', source, reason: 'spam_content', word: /^email_spam$/ },
]
