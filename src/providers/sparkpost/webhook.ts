/**
 * SparkPost (Bird). Batches of events, not signed: SparkPost calls with basic authentication or with headers of the customer's. Sources:
 * SparkPost/support-docs (webhook-authentication, webhook-data-streams, sparkpost-event-definitions, bounce-classification-codes,
 * preparing-for-async-suppressions, open-pixel-location) and developers.sparkpost.com/api/webhooks, /api/events; live payloads of
 * anymail/django-anymail, tests/test_sparkpost_webhooks.py.
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { type Entries, listOfEntries } from '../entries.ts'
import { type BounceReport, codeIn } from '../event-builder.ts'
import { idForm, isObject, type Json, partOf, required, tagsIn, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'
import { InvalidEventError } from '../provider.ts'

export const sparkpost: Adapter = createAdapter({
  name: 'sparkpost',
  verify: credentialProof.verify,
  entriesIn: eventsIn,
  // Batches "may vary from 1 to 350 or more events"; SparkPost asks for no limit that could cut one off.
  maxBodyBytes: 8 * 1_048_576,
  emailIdName: 'transmission_id',
  wordOf: (event) => event['type'],
  types: {
    injection: 'queued',
    delivery: 'delivered',
    delay: 'bounced',
    bounce: typeOfBounce,
    out_of_band: typeOfBounce,
    policy_rejection: 'bounced',
    generation_failure: 'bounced',
    generation_rejection: 'bounced',
    spam_complaint: 'complained',
    open: 'opened',
    amp_open: 'opened',
    click: 'clicked',
    amp_click: 'clicked',
    list_unsubscribe: 'unsubscribed',
    link_unsubscribe: 'unsubscribed',
  },
  // Of A/B tests, ingested events and text messages; an open or a click more than 60 days after the email, which names it no more.
  isAboutNoEmail: (event, type) => textIn(event, ['transmission_id']) === null && !suppressing.has(type),
  factsOf(event) {
    const agent = partOf(event, 'user_agent_parsed')
    return {
      id: required('event_id', idForm, [event['event_id']]),
      emailId: event['transmission_id'],
      times: [event['timestamp']],
      recipient: textIn(event, ['rcpt_to', 'raw_rcpt_to']),
      subject: event['subject'],
      // A prefetched open is Apple's; one through Gmail's proxy (`is_proxy`) is made when somebody opens, as its user agent says.
      isMachine: agent['is_prefetched'] === true,
      userAgent: textIn(event, ['user_agent']),
      tags: tagsIn([event['campaign_id'], ...(Array.isArray(event['rcpt_tags']) ? event['rcpt_tags'] : [])]),
      ownIds: ownIdsOf(event['rcpt_meta']),
    }
  },
  bounceOf,
})

/** `[{"msys":{"message_event":{…}}}]`, each with its event in a field that names its kind. An empty `msys` is the test of a new webhook. */
function eventsIn(rawBody: Buffer): ReturnType<Entries> {
  const entries = listOfEntries(rawBody).entries.flatMap((entry) => {
    if (!isObject(entry) || !isObject(entry['msys'])) return [entry]
    if ('relay_message' in entry['msys'])
      throw new InvalidEventError('this is an inbound email: use this URL for event webhooks, not for relay webhooks')
    return Object.values(entry['msys'])
  })
  return { entries }
}

const suppressing: ReadonlySet<string> = new Set(['bounce', 'out_of_band', 'spam_complaint'])

/** A person's request that came as a reply is no bounce. */
const typesByClass: ReadonlyMap<string, string> = new Map([
  ['80', 'resubscribed'],
  ['90', 'unsubscribed'],
])

function typeOfBounce(event: Json): string {
  return typesByClass.get(textIn(event, ['bounce_class']) ?? '') ?? 'bounced'
}

/** "Bounces classified as hard are added to the suppression list": class 10; 30 is one whose recipient is not known. */
const hardClasses: ReadonlySet<string> = new Set(['10', '30'])

function bounceOf(event: Json, type: string): BounceReport {
  const bounceClass = textIn(event, ['bounce_class'])
  const message = textIn(event, ['raw_reason']) || textIn(event, ['reason'])
  return {
    class: hardClasses.has(bounceClass ?? '') ? 'hard' : 'soft',
    // `error_code` is the reply code; the reply may have an enhanced one.
    code: codeIn(null, message) ?? textIn(event, ['error_code']),
    message,
    word: type,
    subWord: bounceClass && `class ${bounceClass}`,
    isOver: type !== 'delay',
  }
}
