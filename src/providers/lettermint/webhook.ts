/**
 * Lettermint. Sources: docs.lettermint.co/platform/webhooks/events; lettermint/lettermint-go (webhook.go) for the signature,
 * lettermint/lettermint-laravel (src/Webhooks) for events and fields.
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import { type BounceReport, codeIn } from '../event-builder.ts'
import { idForm, type Json, partOf, required, tagsIn, textIn } from '../fields.ts'
import { stampedHmacProof } from '../proof.ts'

export const lettermintProof = stampedHmacProof({
  header: 'x-lettermint-signature',
  encoding: 'hex',
  requirement: 'the signing secret of the webhook',
  ...{ field: 'v1', timestamp: { field: 't' }, content: '{timestamp}.{body}', separator: ',', unitMs: 1_000 },
  // That of Lettermint's libraries.
  toleranceMs: 5 * 60_000,
})

export const lettermint: Adapter = createAdapter({
  name: 'lettermint',
  verify: lettermintProof.verify,
  entriesIn: oneEntry,
  emailIdName: 'message_id',
  wordOf: ({ event }) => (typeof event === 'string' ? event.replace(/^message\./, '') : event),
  types: {
    created: 'queued',
    hard_bounced: 'bounced',
    soft_bounced: 'bounced',
    failed: 'bounced',
    suppressed: 'bounced',
    policy_rejected: 'bounced',
    spam_complaint: 'complained',
    inbound: null,
  },
  // Changes of the suppression list, tests.
  isAboutNoEmail: ({ event }) => !String(event).startsWith('message.'),
  factsOf(envelope, word) {
    const data = partOf(envelope, 'data')
    const [response, bot] = [partOf(data, 'response'), partOf(data, 'bot')]
    return {
      id: required('id', idForm, [envelope['id']]),
      emailId: data['message_id'],
      times: [...timesOf(word, data), envelope['created_at'], envelope['timestamp']],
      recipient: textIn(data, ['recipient']),
      to: word === 'created' ? ['to', 'cc', 'bcc'].flatMap((field) => data[field] ?? []) : undefined,
      subject: data['subject'],
      userAgent: textIn(data, ['user_agent']),
      isMachine: bot['detected'] === true || bot['machine'] === true,
      response: ['status_code', 'enhanced_status_code', 'content'].map((field) => textIn(response, [field])),
      tags: tagsIn(data['tag']),
      ownIds: ownIdsOf(data['metadata']),
    }
  },
  bounceOf,
})

const timesOf = (word: string, data: Json): unknown[] =>
  ['opened', 'clicked', 'unsubscribed'].includes(word) ? [data[`${word}_at`]] : []

/**
 * A soft bounce may be delivered later. Words are Lettermint's in full, with its reason, so that they are no other provider's.
 */
function bounceOf(envelope: Json, word: string): BounceReport {
  const data = partOf(envelope, 'data')
  const response = partOf(data, 'response')
  const message = textIn(response, ['content'])
  const status = codeIn(textIn(response, ['enhanced_status_code']), message)
  const code = status ?? codeIn(textIn(response, ['status_code']), null)
  const isHard = word === 'hard_bounced' || word === 'suppressed'
  return {
    class: isHard ? 'hard' : 'soft',
    code,
    message,
    word: `message.${word}`,
    subWord: textIn(data, ['reason']),
    isOver: word !== 'soft_bounced',
  }
}
