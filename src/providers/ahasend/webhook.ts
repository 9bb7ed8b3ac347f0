/**
 * AhaSend. Signed by Standard Webhooks, except that the secret's own characters are the key. Source: AhaSend/ahasend-go
 * (openapi/webhooks.yaml, openapi/openapi.yaml) and AhaSend/docs (integrations/webhooks.mdx).
 */
import { randomBytes } from 'node:crypto'
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { partOf, textIn } from '../fields.ts'
import type { Proof } from '../proof.ts'
import { sharedSecret } from '../sample.ts'
import { signedIdIn, standardProof } from '../standard-signature.ts'

const standard = standardProof('webhook')

/** The key in the form that Standard Webhooks decodes. */
const encoded = (secret: string): string => Buffer.from(secret).toString('base64')

export const ahasendProof: Proof = {
  ...standard,
  verify: (rawBody, headers, secrets) => standard.verify(rawBody, headers, secrets.map(encoded)),
  accepts: (value) => value.length >= 16,
  requirement: 'the secret of the webhook, whole, of 16 characters or more',
  sign: (body, secret, signedAt) => standard.sign(body, encoded(secret), signedAt),
  generateSecret: () => sharedSecret(`aha-whsec-${randomBytes(32).toString('hex')}`),
}

/** Of the Message-ID in angle brackets, as AhaSend's API answers. */
export const ahasendEmailIdOf = (named: string): string => messageIdIn(named) ?? named

export const ahasend: Adapter = createAdapter({
  name: 'ahasend',
  verify: ahasendProof.verify,
  entriesIn: oneEntry,
  emailIdName: 'message_id_header',
  wordOf: ({ type }) => (typeof type === 'string' ? type.replace(/^message\./, '') : type),
  types: {
    reception: 'queued',
    transient_error: 'bounced',
    failed: 'bounced',
    bounced: 'bounced',
    suppressed: 'bounced',
    // An inbound email.
    routing: null,
  },
  // Suppressions, domains, inbound emails.
  isAboutNoEmail: ({ type }) => !String(type).startsWith('message.'),
  factsOf(envelope, _word, { headers, payload }) {
    const data = partOf(envelope, 'data')
    return {
      id: signedIdIn(headers, 'webhook') ?? eventIdOf(payload),
      emailId: ahasendEmailIdOf(textIn(data, ['message_id_header']) ?? '') || data['id'],
      times: [envelope['timestamp']],
      recipient: textIn(data, ['recipient']),
      subject: data['subject'],
      userAgent: textIn(data, ['user_agent']),
      isMachine: data['is_bot'] === true,
    }
  },
  bounceOf: (_envelope, word) => bounceOf(word),
})

/**
 * AhaSend reports no reply and no code. `bounced`: the receiver refused the email for good. `failed`: it did not accept it in all attempts. The
 * word is that of `data.event`, which no other provider has.
 */
const bounceOf = (word: string): BounceReport => ({
  class: word === 'bounced' || word === 'suppressed' ? 'hard' : 'soft',
  word: `on_${word}`,
  isOver: word !== 'transient_error',
})
