/** A rule on AhaSend's word for an address on its list (AhaSend/ahasend-go, openapi/webhooks.yaml: message.suppressed). */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

export const ahasendRules: readonly FailureRule[] = [
  {
    id: 'ahasend.suppressed-address',
    source: sources.ahasend,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    word: /^on_suppressed$/,
  },
]
