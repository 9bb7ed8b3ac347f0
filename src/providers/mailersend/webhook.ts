/**
 * MailerSend. Its webhooks have one of two forms, as set when they are created: in version 1 the facts are nested (`data.email`,
 * `data.morph`), in version 2 they are flat (`data.recipient` or `data.email`, `data.meta`). Sources: developers.mailersend.com/api/v1/webhooks;
 * payloads that anymail/django-anymail has received (tests/test_mailersend_webhooks.py); of both versions in symfony/symfony
 * (Mailer/Bridge/MailerSend/Tests/Webhook).
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdKey } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import type { BounceReport } from '../event-builder.ts'
import { idForm, isObject, type Json, jsonIn, partOf, required, tagsIn, textIn } from '../fields.ts'
import { hmacProof, type Proof } from '../proof.ts'

const signature = hmacProof({ header: 'signature', encoding: 'hex', requirement: 'the signing secret of the webhook' })

/**
 * MailerSend checks a URL by a request that is signed with this secret, which its documentation publishes, and saves no webhook without an
 * answer of 2xx. Anyone can make such a signature: it proves a check, and no event.
 */
const publishedSecret = 'test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G'
const checkWord = 'webhook.test'

export const mailersendProof: Proof = {
  ...signature,
  accepts: (value) => value !== publishedSecret,
  verify(rawBody, headers, secrets) {
    const [isGenuine, isCheck] = [secrets, [publishedSecret]].map((some) => signature.verify(rawBody, headers, some))
    return isGenuine === true || (isCheck === true && wordIn(rawBody) === checkWord)
  },
}

function wordIn(rawBody: Buffer): unknown {
  const json = jsonIn(rawBody.toString())
  return isObject(json) ? json['type'] : undefined
}

export const mailersend: Adapter = createAdapter({
  name: 'mailersend',
  verify: mailersendProof.verify,
  entriesIn: oneEntry,
  // It never repeats what is answered with 408.
  retryStatus: 429,
  emailIdName: 'message ID',
  wordOf: ({ type }) => (typeof type === 'string' ? type.replace(/^activity\./, '') : type),
  types: {
    soft_bounced: 'bounced',
    hard_bounced: 'bounced',
    deferred: 'bounced',
    opened_unique: 'opened',
    clicked_unique: 'clicked',
    spam_complaint: 'complained',
  },
  // Checks of the URL, sender identities, lists of addresses, maintenance, inbound emails, text messages.
  isAboutNoEmail: ({ type }) => !String(type).startsWith('activity.'),
  factsOf(envelope, word) {
    const data = partOf(envelope, 'data')
    const email = partOf(data, 'email')
    return {
      id: idOf(data, word),
      emailId: partOf(email, 'message')['id'] ?? data['message_id'],
      times: [data['created_at'], envelope['created_at']],
      recipient: textIn(partOf(email, 'recipient'), ['email']) ?? textIn(data, ['recipient', 'email']),
      subject: email['subject'] ?? data['subject'],
      tags: tagsIn(email['tags'] ?? data['tags']),
      ownIds: { externalId: null, metadata: messageIdOf(textIn(email, ['id']) ?? textIn(data, ['email_id'])) },
    }
  },
  bounceOf,
})

/**
 * An open or a click may come twice, the first one as `_unique` too. Version 1 names the open itself, whose ID both have; else it is the
 * activity's, as of all other events.
 */
const idOf = (data: Json, word: string): string =>
  `${word.replace(/_unique$/, '')}:${required('activity ID', idForm, [partOf(data, 'morph')['id'], data['id']])}`

/** The Message-ID that MailerSend sets for each recipient of a message; the source is the test of anymail above. */
const messageIdOf = (emailId: string | null) => (emailId ? { [messageIdKey]: `${emailId}@mailersend.net` } : null)

/**
 * MailerSend has stopped trying, unless delivery is only deferred. A bare 550 does not outweigh that it calls a bounce soft, since it has
 * seen the whole reply.
 */
function bounceOf(envelope: Json, word: string): BounceReport {
  const data = partOf(envelope, 'data')
  const [morph, meta] = [partOf(data, 'morph'), partOf(data, 'meta')]
  const [isHard, code] = [word === 'hard_bounced', textIn(meta, ['bounce_code'])]
  return {
    class: isHard ? 'hard' : 'soft',
    code: isHard || !/^5\d\d$/.test(code ?? '') ? code : null,
    message: textIn(morph, ['reason']) ?? textIn(meta, ['bounce_reason']),
    word,
    isOver: word !== 'deferred',
  }
}
