/** Rules on Lettermint's words (docs.lettermint.co/platform/webhooks/events; lettermint/lettermint-laravel). A suppressed address is `provider.suppressed-address`. */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

export const lettermintRules: readonly FailureRule[] = [
  {
    id: 'lettermint.policy',
    source: sources.lettermint,
    reason: 'spam_content',
    isFinal: true,
    word: /^message\.policy_rejected\b/,
  },
]

/** "Processing failure within Lettermint": a receiver's reply, if there is one, says more. */
export const vagueLettermintRules: readonly FailureRule[] = [
  { id: 'lettermint.failed', source: sources.lettermint, reason: 'provider_refused', word: /^message\.failed\b/ },
]
