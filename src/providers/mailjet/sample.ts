/** Mailjet: events by its guide to the Event API, grouped. It reports nothing before delivery. Every event names one recipient. */
import { createHash } from 'node:crypto'
import {
  type DatedSampleEvent,
  type SampleBounce,
  type SampleEmail,
  type SampleEvent,
  type SampleFormat,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

export const mailjetFormat: SampleFormat = {
  // A number of 17 digits, as Mailjet's: beyond what JavaScript reads exactly.
  emailIdOf: (key) => `1${BigInt(`0x${createHash('sha256').update(key).digest('hex')}`)}`.slice(0, 17),
  timeResolutionMs: 1_000,
  sendsBatches: true,
  adapt: (event, email) => (isUnreportedDelay(event) ? [] : withOneRecipient(event, email)),
  namesAllRecipients: false,
  hasOneRecipient: true,
  bodyOf: (events, email) => `[${events.map((event) => textOf(event, email)).join(',')}]`,
}

/** Greylisting is the only delay that Mailjet reports. */
const isUnreportedDelay = ({ bounce }: SampleEvent): boolean =>
  bounce !== null && !bounce.isOver && !/grey-?list/i.test(bounce.message ?? '')

const words: Readonly<Record<string, string>> = {
  delivered: 'sent',
  opened: 'open',
  clicked: 'click',
  bounced: 'bounce',
  complained: 'spam',
}

/** With `MessageID` as a number. */
const textOf = (event: DatedSampleEvent, email: SampleEmail): string =>
  JSON.stringify(entryOf(event, email)).replace(/"MessageID":"(\d+)"/, '"MessageID":$1')

function entryOf(event: DatedSampleEvent, email: SampleEmail) {
  const { external_id: customId = '', ...payload } = customFieldsOf(email)
  return {
    event: words[event.type] ?? event.type,
    time: event.at.getTime() / 1_000,
    MessageID: email.id,
    Message_GUID: '1ab23cd4-e567-8901-2345-6789f0gh1i2j',
    email: event.recipient,
    mj_campaign_id: 7257,
    mj_contact_id: 4,
    customcampaign: email.tags[0] ?? '',
    CustomID: customId,
    Payload: Object.keys(payload).length === 0 ? '' : JSON.stringify(payload),
    ...(event.type === 'delivered' && { smtp_reply: 'sent (250 2.0.0 OK)' }),
    ...(event.type === 'complained' && { source: 'JMRPP' }),
    ...(event.bounce && bounceFacts(event.bounce)),
    ...(event.engagement && {
      ip: '192.0.2.17',
      geo: 'FR',
      agent: event.engagement.userAgent,
      ...(event.engagement.url !== null && { url: event.engagement.url }),
    }),
  }
}

const bounceFacts = ({ class: bounceClass, message, isOver }: SampleBounce) => ({
  blocked: bounceClass === 'hard',
  hard_bounce: bounceClass === 'hard',
  error_related_to: bounceClass === 'hard' ? 'recipient' : 'domain',
  error: bounceClass === 'hard' ? 'user unknown' : isOver ? 'no mail host' : 'greylisted',
  comment: message,
})
