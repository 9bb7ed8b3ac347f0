/** Rules on what Postal itself says of an email (postalserver/postal: app/lib/message_dequeuer, app/senders/smtp_sender.rb). */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

const ofPostal = { source: sources.postal, word: /^message(?:held|deliveryfailed|delayed) / } as const

export const postalRules: readonly FailureRule[] = [
  {
    // Postal lists an address after any two refusals within a day, also after those that were the sender's fault. Each was judged by its reply.
    ...ofPostal,
    id: 'postal.suppressed-address',
    reason: 'provider_refused',
    isFinal: false,
    text: /\bis on the suppression list\b/,
  },
  { ...ofPostal, id: 'postal.held', reason: 'provider_refused', isFinal: false, word: /^messageheld / },
  { ...ofPostal, id: 'postal.attempts', reason: 'timed_out', text: /^maximum number of delivery attempts\b/ },
  {
    ...ofPostal,
    id: 'postal.spam',
    reason: 'spam_content',
    isFinal: true,
    text: /^message is likely spam\. threshold\b/,
  },
  {
    ...ofPostal,
    id: 'postal.refused',
    reason: 'provider_refused',
    text: /^(?:message.s domain no longer exist|message doesn.t have an rcpt to|raw message has been removed)/,
  },
  { ...ofPostal, id: 'postal.no-server', reason: 'connection_failed', text: /^no smtp servers were available for\b/ },
]
