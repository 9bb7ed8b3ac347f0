/** Scaleway: "Understanding Webhook event payloads". It reports neither the handover to its servers' network nor engagement. */
import { eventIdOf } from '../event-builder.ts'
import {
  type DatedSampleEvent,
  eventFormat,
  type SampleEmail,
  type Sign,
  withClassOfCode,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf, uuidOf } from '../sample-fields.ts'
import { generateSnsTopic, signSns } from '../ses/sample.ts'
import { regionOf } from './topic.ts'

/** Scaleway calls every refusal for good `dropped`; the reply alone has its class. */
export const scalewayFormat = eventFormat(eventOf, {
  emailIdOf: uuidOf,
  adapt: (event, email) => withOneRecipient(withClassOfCode(event), email),
  namesAllRecipients: false,
})

function eventOf(event: DatedSampleEvent, email: SampleEmail) {
  const at = event.at.toISOString()
  return {
    ...{ id: eventIdOf(event.id), type: typeOf(event), domain_name: 'example.com', created_at: at, email_id: email.id },
    ...{ email_from: 'hello@example.com', email_to: event.recipient, email_headers: headersOf(email) },
    ...(event.type === 'queued' ? { email_queued_at: at } : { email_sent_at: at, ...replyOf(event) }),
  }
}

function typeOf({ type, bounce }: DatedSampleEvent): string {
  if (bounce === null) return `email_${type}`
  return bounce.isOver ? 'email_dropped' : 'email_deferred'
}

function replyOf({ bounce }: DatedSampleEvent) {
  if (bounce === null) return { email_response_code: 250, email_response_message: '2.0.0 OK' }
  const code = /\b[45]\d\d\b/.exec(bounce.message ?? '')?.[0]
  return { ...(code && { email_response_code: Number(code) }), email_response_message: bounce.message ?? '' }
}

const headersOf = (email: SampleEmail) => [
  { key: 'Subject', value: email.subject },
  { key: 'X-Tags', value: JSON.stringify(email.tags) },
  { key: 'X-Metadata', value: JSON.stringify(customFieldsOf(email)) },
]

/** As `signSes`. */
export const signScaleway: Sign = (body, secret, signedAt) =>
  signSns(body, secret, signedAt, (topicArn) => {
    const region = regionOf(topicArn)
    return `https://messaging.s3.${region}.scw.cloud/${region}/sns/sns_certificate_local.crt`
  })

export const generateScalewayTopic = () =>
  generateSnsTopic('arn:scw:sns:fr-par:project-00000000-0000-0000-0000-000000000000:aftersend')
