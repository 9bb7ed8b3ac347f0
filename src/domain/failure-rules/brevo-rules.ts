/** Rules on Brevo's words. `blocked` comes with its reason as the finer type. */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

/** Before the texts: Brevo never handed these emails to a receiver. An unsubscribed user is known by `provider.unsubscribed`. */
export const brevoRules: readonly FailureRule[] = [
  {
    id: 'brevo.blocklisted',
    source: sources.brevo,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    word: /^blocked blocked ?: ?due to blacklist user\b/,
  },
  { id: 'brevo.no-mx', source: sources.brevo, reason: 'unknown_domain', text: /\bunable to find mx of domain\b/ },
]

/** After the texts, which may be a receiver's. */
export const vagueBrevoRules: readonly FailureRule[] = [
  { id: 'brevo.blocked', source: sources.brevo, reason: 'provider_refused', word: /^blocked blocked ?:/ },
  { id: 'brevo.invalid-email', source: sources.brevo, reason: 'bad_address', word: /^invalid_email$/ },
]
