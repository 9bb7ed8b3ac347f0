/**
 * Mailjet's Event API. Requests are not signed: Mailjet calls the URL with `user:password` in it. Sources: mailjet/api-documentation,
 * guides/_event-api.md, for events, fields, retries and the table of errors; anymail/django-anymail, tests/test_mailjet_webhooks.py, for
 * live payloads, and for events that come without a list.
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { oneOrMoreEntries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { type Json, jsonIn, tagsIn, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'

export const mailjet: Adapter = createAdapter({
  name: 'mailjet',
  verify: credentialProof.verify,
  // Mailjet repeats all answers but 200 every 30 seconds for a day, and then suspends the URL.
  entriesIn: oneOrMoreEntries,
  emailIdName: 'MessageID',
  wordOf: (entry) => entry['event'],
  types: {
    // "Dispatched when the destination SMTP server has accepted the message."
    sent: 'delivered',
    open: 'opened',
    click: 'clicked',
    bounce: 'bounced',
    blocked: 'bounced',
    spam: 'complained',
    unsub: 'unsubscribed',
  },
  // A request of "Send a test".
  isAboutNoEmail: ({ MessageID: id }) => id === 0 || id === '0',
  factsOf: (entry, word) => ({
    id: eventIdOf(word, ...identifyingNames.map((field) => entry[field])),
    emailId: entry['MessageID'],
    times: [entry['time']],
    recipient: textIn(entry, ['email']),
    userAgent: textIn(entry, ['agent']),
    response: [textIn(entry, ['smtp_reply'])],
    // 0: no list.
    list: textIn({ id: entry['mj_list_id'] || null }, ['id']),
    tags: tagsIn(entry['customcampaign']),
    ownIds: ownIdsIn(entry),
  }),
  bounceOf,
})

/** Mailjet's events have no ID. */
const identifyingNames = ['MessageID', 'email', 'time', 'url', 'ip', 'agent', 'mj_list_id', 'error', 'source']

/** `CustomID` is the application's own ID of the email, `Payload` a text of its own: pairs, if it is a JSON object. */
function ownIdsIn(entry: Json) {
  const payload = jsonIn(textIn(entry, ['Payload']) ?? '')
  const { externalId, metadata } = ownIdsOf(payload)
  return { externalId: ownIdsOf({ external_id: entry['CustomID'] || undefined }).externalId ?? externalId, metadata }
}

/** Errors of an email that Mailjet did not send, for which it does not send to the address again. */
const hardErrors: ReadonlySet<string> = new Set([
  ...['user unknown', 'mailbox inactive', 'blacklisted', 'spam reporter'],
  ...['invalid domain', 'typofix', 'preblocked'],
])

/** Of the errors only `greylisted` says that "delivery will be re-attempted". */
function bounceOf(entry: Json, word: string): BounceReport {
  const [relatedTo, error] = [textIn(entry, ['error_related_to']), textIn(entry, ['error'])]
  const isHard = word === 'blocked' ? hardErrors.has(error ?? '') : entry['hard_bounce'] === true
  return {
    class: isHard ? 'hard' : 'soft',
    message: textIn(entry, ['comment']) || null,
    word,
    subWord: [relatedTo, error].filter(Boolean).join(': '),
    isOver: error !== 'greylisted' || isHard,
  }
}
