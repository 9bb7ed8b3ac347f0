/**
 * Rules on the reasons of ZeptoMail's bounces. Its samples show `relaying-issues` and `bad-mailbox`, two of the bounce categories of PowerMTA;
 * the others are from PowerMTA's user guide.
 */
import type { FailureRule } from '../failure.ts'
import { sources } from './sources.ts'

const category = (name: string, reason: FailureRule['reason']): FailureRule => ({
  id: `zeptomail.${name}`,
  source: sources.zeptomail,
  reason,
  word: new RegExp(`^(?:hard|soft)bounce ${name}$`),
})

/** They follow from the diagnostic message: where that says more, it decides. */
export const vagueZeptomailRules: readonly FailureRule[] = [
  category('bad-mailbox', 'unknown_recipient'),
  category('bad-domain', 'unknown_domain'),
  category('inactive-mailbox', 'inactive_mailbox'),
  { ...category('quota-issues', 'mailbox_full'), isFinal: false },
  category('spam-related', 'spam_content'),
  category('content-related', 'spam_content'),
  category('virus-related', 'virus'),
  category('policy-related', 'policy'),
  category('relaying-issues', 'relay_denied'),
  category('invalid-sender', 'bad_sender'),
  category('protocol-errors', 'protocol_error'),
  category('bad-connection', 'connection_failed'),
  category('routing-errors', 'connection_failed'),
  category('no-answer-from-host', 'timed_out'),
  category('message-expired', 'timed_out'),
]
