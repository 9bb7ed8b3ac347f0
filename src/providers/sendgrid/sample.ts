/** SendGrid: batches by Twilio's "Event Webhook Reference". Every event names one recipient; times are whole seconds. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import {
  type DatedSampleEvent,
  type GeneratedSecret,
  type SampleBounce,
  type SampleEmail,
  type SampleFormat,
  type Sign,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'
import { signatureHeader, timestampHeader } from './webhook.ts'

export const sendgridFormat: SampleFormat = {
  emailIdOf: (key) => `em_${key}`,
  timeResolutionMs: 1_000,
  sendsBatches: true,
  adapt: withOneRecipient,
  namesAllRecipients: false,
  bodyOf: (events, email) => JSON.stringify(events.map((event) => entryOf(event, email))),
}

const sendgridTypes: Readonly<Record<string, string>> = {
  sending: 'processed',
  delivered: 'delivered',
  opened: 'open',
  clicked: 'click',
  complained: 'spamreport',
}

const entryOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  ...customFieldsOf(email),
  email: event.recipient,
  timestamp: event.at.getTime() / 1_000,
  'smtp-id': `<${email.id}@ismtpd0001p1lon1.sendgrid.net>`,
  event: event.bounce ? (event.bounce.isOver ? 'bounce' : 'deferred') : sendgridTypes[event.type],
  category: email.tags,
  sg_event_id: createHash('sha256').update(event.id).digest('base64url').slice(0, 22),
  sg_message_id: `${email.id}.filterdrecv-5645d9c87f-78xgx-1-5F0C5A3E-1.0`,
  ...(event.bounce && bounceFacts(event.bounce)),
  ...(event.engagement && {
    useragent: event.engagement.userAgent,
    ip: '192.0.2.17',
    ...(event.engagement.url !== null && { url: event.engagement.url }),
  }),
})

/** A block is a refusal that SendGrid does not hold against the address. */
function bounceFacts({ class: bounceClass, code, message, isOver }: SampleBounce) {
  if (!isOver) return { status: code, response: message, attempt: '1' }
  const isHard = bounceClass === 'hard'
  return {
    type: isHard ? 'bounce' : 'blocked',
    status: code,
    reason: message,
    bounce_classification: isHard ? 'Invalid Address' : 'Unclassified',
  }
}

/** `body` is the batch, `secret` a private key in PEM. */
export const signSendgrid: Sign = (body, secret, signedAt) => {
  const timestamp = String(Math.floor(signedAt / 1000))
  return {
    headers: {
      'content-type': 'application/json',
      [timestampHeader]: timestamp,
      [signatureHeader]: sign('sha256', Buffer.from(timestamp + body), secret).toString('base64'),
    },
    body,
  }
}

export function generateSendgridKeys(): GeneratedSecret {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return {
    accepted: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signing: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
