/** Resend: payloads by resend.com/docs/webhooks/event-types. An event of several recipients does not name the one it is about. */
import { type DatedSampleEvent, eventFormat, type SampleBounce, type SampleEmail, type SampleEvent } from '../sample.ts'
import { customTagsOf } from '../sample-fields.ts'

/** Resend reports that it tries again without a reason. */
const isDelay = ({ bounce }: SampleEvent): boolean => bounce?.isOver === false

const bodyOf = (event: DatedSampleEvent, { id, to, subject, tags, ...email }: SampleEmail) => ({
  type: `email.${isDelay(event) ? 'delivery_delayed' : event.type === 'queued' ? 'scheduled' : event.type}`,
  created_at: event.at.toISOString(),
  data: {
    email_id: id,
    from: 'Acme <hello@example.com>',
    to,
    subject,
    created_at: event.at.toISOString(),
    tags: { ...Object.fromEntries(tags.map((tag) => [tag, 'true'])), ...customTagsOf(email) },
    ...(event.bounce && !isDelay(event) && { bounce: bounceFacts(event.bounce) }),
    ...(event.engagement && engagementFacts(event)),
  },
})

const bounceFacts = ({ class: bounceClass, message }: SampleBounce) => ({
  type: bounceClass === 'hard' ? 'Permanent' : 'Transient',
  subType: 'General',
  message,
  diagnosticCode: [message],
})

function engagementFacts({ type, engagement, at }: DatedSampleEvent) {
  const facts = { ipAddress: '192.0.2.17', timestamp: at.toISOString(), userAgent: engagement?.userAgent }
  return type === 'clicked' ? { click: { ...facts, link: engagement?.url } } : { open: facts }
}

export const resendFormat = eventFormat(bodyOf, {
  adapt: (event, email) => [
    {
      ...event,
      recipient: email.to.length === 1 ? (email.to[0] ?? null) : null,
      bounce: isDelay(event) ? { class: 'soft', code: null, message: null, isOver: false } : event.bounce,
    },
  ],
})
