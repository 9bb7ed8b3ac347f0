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
    id: eventIdOf(word, ...identifyingFactsOf(entry, word)),
    emailId: entry['MessageID'],
    times: [entry['time']],
    recipient: textIn(entry, ['email']),
    // Only the API has one.
    subject: entry['Subject'],
    userAgent: textIn(entry, ['agent']),
    response: [textIn(entry, ['smtp_reply'])],
    // 0: no list.
    list: textIn({ id: entry['mj_list_id'] || null }, ['id']),
    tags: tagsIn(entry['customcampaign']),
    ownIds: ownIdsIn(entry),
  }),
  bounceOf,
})

/**
 * What becomes of an email once, a bounce once for each error: each email has one recipient. Its time is no part of the identity, since the API may
 * write it differently.
 */
const wordsOfOnce: readonly string[] = ['sent', 'bounce', 'blocked', 'spam', 'unsub']
const namesOfRepeated = ['MessageID', 'email', 'time', 'url', 'ip', 'agent', 'error']

/** Mailjet's events have no ID. A delay is a bounce that may be repeated. */
function identifyingFactsOf(entry: Json, word: string): unknown[] {
  const [messageId, error] = [textIn(entry, ['MessageID']), textIn(entry, ['error']) ?? '']
  const isOnce = messageId !== null && wordsOfOnce.includes(word) && error !== greylisted
  return isOnce
    ? [messageId, textIn(entry, ['email'])?.toLowerCase(), error]
    : namesOfRepeated.map((field) => entry[field])
}

/** `CustomID` is the application's own ID of the email, `Payload` a text of its own: pairs, if it is a JSON object. */
function ownIdsIn(entry: Json) {
  const payload = jsonIn(textIn(entry, ['Payload']) ?? '')
  const { externalId, metadata } = ownIdsOf(payload)
  return { externalId: ownIdsOf({ external_id: entry['CustomID'] || undefined }).externalId ?? externalId, metadata }
}

/** Errors of the address: where Mailjet did not send the email for one of them, it does not send to the address again. */
export const hardErrors: ReadonlySet<string> = new Set([
  ...['user unknown', 'mailbox inactive', 'blacklisted', 'spam reporter'],
  ...['invalid domain', 'typofix', 'preblocked'],
])

/** The only error of which it is said that "delivery will be re-attempted". */
const greylisted = 'greylisted'

function bounceOf(entry: Json, word: string): BounceReport {
  const [relatedTo, error] = [textIn(entry, ['error_related_to']), textIn(entry, ['error'])]
  const isHard = word === 'blocked' ? hardErrors.has(error ?? '') : entry['hard_bounce'] === true
  return {
    class: isHard ? 'hard' : 'soft',
    message: textIn(entry, ['comment']) || null,
    word,
    subWord: [relatedTo, error].filter(Boolean).join(': '),
    isOver: error !== greylisted || isHard,
  }
}
