/** What AISend sends. The form of the bodies is the nested one of those that webhook.ts accepts. */
import { type DatedSampleEvent, eventFormat, type SampleEmail, type SampleEvent } from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'
import { hmacSha256 } from '../signature.ts'

const bodyOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  id: event.id,
  type: `email.${event.type}`,
  created_at: event.at.toISOString(),
  data: {
    email_id: email.id,
    to: email.to,
    subject: email.subject,
    tags: email.tags,
    metadata: customFieldsOf(email),
    ...(email.to.length > 1 && event.recipient !== null && { recipient: event.recipient }),
    ...(event.bounce && {
      bounce: { type: event.bounce.class, code: event.bounce.code, message: event.bounce.message },
    }),
    ...(event.engagement && engagementFacts(event.engagement)),
  },
})

/** 192.0.2.0/24 is reserved for documentation (RFC 5737). */
const engagementFacts = ({ userAgent, url }: NonNullable<SampleEvent['engagement']>) => ({
  user_agent: userAgent,
  ip: '192.0.2.17',
  ...(url !== null && { url }),
})

/** AISend documents two kinds of bounces: hard ones are over. */
export const aisendFormat = eventFormat(bodyOf, {
  adapt: (event) => [event.bounce?.isOver ? { ...event, bounce: { ...event.bounce, class: 'hard' } } : event],
})

/** The value of `x-webhook-signature` for these bytes, in hex. */
export const aisendSignature = (rawBody: Buffer | string, secret: string): string =>
  hmacSha256(rawBody, secret).toString('hex')
