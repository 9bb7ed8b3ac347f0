/**
 * Mail servers of one's own that log what they do: Postfix, Haraka, ZoneMTA. `aftersend ingest` reads their logs and posts entries of this
 * form, which is ours, in lists that are signed by Standard Webhooks. docs/mail-servers.md documents it for other senders.
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn, ownIdsOf } from '../custom-fields.ts'
import { listOfEntries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { type Json, tagsIn, textIn } from '../fields.ts'
import { standardProof } from '../standard-signature.ts'

/** What a mail server did with an email. Texts are as the server logs them. */
export interface MailServerEntry {
  readonly event: 'queued' | 'sending' | 'sent' | 'delivered' | 'deferred' | 'bounced' | 'expired' | 'complained'
  /** With or without angle brackets. A bounce without one still suppresses its recipient. */
  readonly messageId?: string | undefined
  readonly queueId?: string
  /** The address that it is about; absent for `queued`. */
  readonly recipient?: string
  /** ISO 8601. */
  readonly at: string
  /** Enhanced status code or SMTP reply code. */
  readonly code?: string
  /** The receiving server's reply. */
  readonly reply?: string
  /** The receiving server. */
  readonly host?: string
}

export const mailServerProof = standardProof('webhook')

export const mailServer: Adapter = createAdapter({
  name: 'mail-server',
  verify: mailServerProof.verify,
  entriesIn: listOfEntries,
  emailIdName: 'messageId',
  wordOf: (entry) => entry['event'],
  types: { deferred: 'bounced', expired: 'bounced' },
  factsOf: (entry, event) => ({
    // Postfix logs `queued` again with every attempt.
    id: eventIdOf(
      event,
      ...['messageId', 'queueId', 'recipient'].map((field) => entry[field]),
      ...(event === 'queued' ? [] : [entry['at'], entry['reply']]),
    ),
    emailId: messageIdIn(textIn(entry, ['messageId'])) ?? textIn(entry, ['messageId']),
    times: [entry['at']],
    recipient: textIn(entry, ['recipient']),
    subject: entry['subject'],
    response: [textIn(entry, ['reply'])],
    tags: tagsIn(entry['tags']),
    ownIds: ownIdsOf(entry['metadata']),
  }),
  bounceOf,
})

/** An expired email was deferred until the server gave up: the last reply says why. */
function bounceOf(entry: Json, event: string): BounceReport {
  const code = textIn(entry, ['code'])
  return {
    class: event === 'bounced' ? classifyBounce({ code }) : 'soft',
    code,
    message: textIn(entry, ['reply']),
    word: event,
    host: textIn(entry, ['host']),
    isOver: event !== 'deferred',
  }
}
