/**
 * Mailchimp Transactional, formerly Mandrill. Batches of up to 1,000 events in a form, signed with the webhook's URL. Sources:
 * mailchimp.com/developer/transactional/docs/webhooks; its support articles 205583307 (message events), 360038740594 (format),
 * 360038740014 (how a URL is verified), 205582937 (bounces); the examples that the dashboard posts (gist ramonsmits/7563502).
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { listOfEntries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { isObject, type Json, partOf, tagsIn, textIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import { explainRefusal, mandrillEventsIn, mandrillProof } from './proof.ts'

export const mandrill: Adapter = createAdapter({
  name: 'mandrill',
  verify: mandrillProof.verify,
  explainRefusal,
  consentTo: ({ method }) => (method === 'HEAD' ? { headers: {}, body: {} } : null),
  // 1,000 events with the parsed user agent and location of each, percent-encoded.
  maxBodyBytes: 8 * 1_048_576,
  entriesIn(rawBody) {
    const events = mandrillEventsIn(rawBody)
    if (events === null) throw new InvalidEventError('the form has not one field mandrill_events')
    return listOfEntries(Buffer.from(events))
  },
  emailIdName: 'msg._id',
  wordOf: (entry) => entry['event'] ?? entry['type'],
  types: {
    send: 'sent',
    deferral: 'bounced',
    hard_bounce: 'bounced',
    soft_bounce: 'bounced',
    reject: 'bounced',
    open: 'opened',
    click: 'clicked',
    spam: 'complained',
    unsub: 'unsubscribed',
    // Changes of Mandrill's lists, and inbound emails.
    blacklist: null,
    whitelist: null,
    denylist: null,
    allowlist: null,
    inbound: null,
  },
  // "Send Test" of the dashboard.
  isAboutNoEmail: (entry) => textIn(partOf(entry, 'msg'), ['email']) === 'example.webhook@mandrillapp.com',
  factsOf(entry, word) {
    const message = partOf(entry, 'msg')
    const emailId = textIn(message, ['_id']) ?? textIn(entry, ['_id']) ?? undefined
    const recipient = textIn(message, ['email'])
    const isOnce = emailId !== undefined && wordsOfOnce.includes(word)
    const repeated = isOnce ? [] : namesOfRepeated.map((field) => entry[field])
    return {
      // `_id` of an event is that of the email.
      id: eventIdOf(word, emailId, recipient?.toLowerCase(), ...repeated),
      emailId,
      times: [entry['ts']],
      recipient,
      subject: message['subject'],
      userAgent: textIn(entry, ['user_agent']),
      isMachine: /robot/i.test(textIn(partOf(entry, 'user_agent_parsed'), ['type']) ?? ''),
      response: [replyIn(message)],
      tags: tagsIn(message['tags']),
      ownIds: ownIdsOf(message['metadata']),
    }
  },
  bounceOf,
})

/**
 * What becomes of an email once: each has one recipient, and Mandrill does not try again after a bounce. So its time is no part of the identity: the
 * API does not say when an email bounced or was complained about.
 */
const wordsOfOnce: readonly string[] = ['send', 'delivered', 'hard_bounce', 'soft_bounce', 'reject', 'spam', 'unsub']
const namesOfRepeated = ['ts', 'url', 'ip', 'user_agent']

/** The reply to the last attempt. */
function replyIn(message: Json): string | null {
  const attempts: readonly unknown[] = Array.isArray(message['smtp_events']) ? message['smtp_events'] : []
  return textIn(attempts.filter(isObject).at(-1) ?? {}, ['diag'])
}

/** "After a bounce occurs, Mandrill stops attempting delivery of the email." An event of a rejected email does not say why. */
function bounceOf(entry: Json, word: string): BounceReport {
  const message = partOf(entry, 'msg')
  const bounceClass = textIn(message, ['bgtools_code'])
  const described = [textIn(message, ['bounce_description']), bounceClass && `class ${bounceClass}`]
  return {
    class: word === 'hard_bounce' ? 'hard' : 'soft',
    message: textIn(message, ['diag']) || (word === 'deferral' ? replyIn(message) : null),
    word,
    subWord: word === 'reject' ? 'rejected' : described.filter(Boolean).join(' '),
    isOver: word !== 'deferral',
  }
}
