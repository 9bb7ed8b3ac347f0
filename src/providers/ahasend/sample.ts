/** AhaSend, by its OpenAPI document of webhooks. Each event names one recipient, and no failure has a reason. The email ID is the Message-ID. */
import { type DatedSampleEvent, eventFormat, type SampleEmail, type SampleEvent, withOneRecipient } from '../sample.ts'

const words: Readonly<Record<string, string>> = { queued: 'reception' }

const wordOf = ({ type, bounce }: SampleEvent): string =>
  bounce
    ? bounce.isOver
      ? bounce.class === 'hard'
        ? 'bounced'
        : 'failed'
      : 'transient_error'
    : (words[type] ?? type)

const bodyOf = (event: DatedSampleEvent, { id, subject }: SampleEmail) => ({
  type: `message.${wordOf(event)}`,
  webhook_id: 'abe11757-2886-4b55-96f1-0e0afc95795a',
  timestamp: event.at.toISOString(),
  data: {
    account_id: '4cdd7bdd-294e-4762-892f-83d40abf5a87',
    event: `on_${wordOf(event)}`,
    from: 'hello@example.com',
    recipient: event.recipient,
    subject,
    message_id_header: `<${id}>`,
    id: '407926766d2711f09b30960002cafe7c',
    ...(event.engagement && { user_agent: event.engagement.userAgent, ip: '192.0.2.17', is_bot: false }),
    ...(event.engagement?.url && { url: event.engagement.url }),
  },
})

export const ahasendFormat = eventFormat(bodyOf, {
  emailIdOf: (key) => `${key}@example.com`,
  namesAllRecipients: false,
  hasCustomFields: false,
  adapt: (event, email) =>
    withOneRecipient(event, email).map((one) => ({
      ...one,
      ...(one.bounce && { bounce: { ...one.bounce, code: null, message: null } }),
    })),
})
