/** Postal, by its code and postalserver/docs. It reports nothing before delivery, and no complaints. Every event names one recipient. */
import { type DatedSampleEvent, eventFormat, type SampleEmail, withClassOfCode, withOneRecipient } from '../sample.ts'
import { uuidOf } from '../sample-fields.ts'

const words: Readonly<Record<string, string>> = {
  delivered: 'MessageSent',
  opened: 'MessageLoaded',
  clicked: 'MessageLinkClicked',
}

const envelopeOf = (event: DatedSampleEvent, { id, subject, tags }: SampleEmail) => ({
  event: event.bounce ? (event.bounce.isOver ? 'MessageDeliveryFailed' : 'MessageDelayed') : words[event.type],
  timestamp: event.at.getTime() / 1_000,
  payload: {
    message: {
      ...{ id: 12345, token: 'abcdef123', direction: 'outgoing', message_id: id, to: event.recipient },
      ...{ from: 'hello@example.com', subject, timestamp: event.at.getTime() / 1_000, spam_status: 'NotChecked' },
      tag: tags[0] ?? null,
    },
    ...factsOf(event),
  },
  uuid: uuidOf(event.id),
})

function factsOf({ bounce, engagement, at, recipient }: DatedSampleEvent) {
  if (engagement) {
    const facts = { ip_address: '192.0.2.17', user_agent: engagement.userAgent }
    return engagement.url === null ? facts : { url: engagement.url, token: 'VJzsFA0S', ...facts }
  }
  const server = '192.0.2.25:25 (mx.example.net)'
  const permanence = bounce?.isOver ? 'Permanent' : 'Temporary'
  return {
    status: bounce ? (bounce.isOver ? 'HardFail' : 'SoftFail') : 'Sent',
    details: bounce
      ? `${permanence} SMTP delivery error when sending to ${server}`
      : `Message for ${recipient} accepted by ${server}`,
    output: bounce ? (bounce.message ?? '') : '250 2.0.0 OK\n',
    ...{ sent_with_ssl: true, timestamp: at.getTime() / 1_000, time: 0.22 },
  }
}

/** Postal has no class of its own: a refusal is as hard as its code. */
export const postalFormat = eventFormat(envelopeOf, {
  emailIdOf: (key) => `${key}@rp.postal.example.com`,
  adapt: (event, email) => withOneRecipient(event, email).map(withClassOfCode),
  namesAllRecipients: false,
  hasCustomFields: false,
})
