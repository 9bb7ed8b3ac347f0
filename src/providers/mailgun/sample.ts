/** Mailgun: `event-data` by its events documentation. Every event names one recipient. The email ID is the Message-ID. */
import { createHash, randomBytes } from 'node:crypto'
import {
  type DatedSampleEvent,
  eventFormat,
  type SampleBounce,
  type SampleEmail,
  type Sign,
  sharedSecret,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'
import { hmacSha256 } from '../signature.ts'

const mailgunTypes: Readonly<Record<string, string>> = { queued: 'accepted', bounced: 'failed' }

const dataOf = (event: DatedSampleEvent, email: SampleEmail) => ({
  event: mailgunTypes[event.type] ?? event.type,
  id: createHash('sha256').update(event.id).digest('base64url').slice(0, 22),
  timestamp: event.at.getTime() / 1_000,
  'log-level': event.bounce ? 'error' : 'info',
  recipient: event.recipient,
  tags: email.tags,
  'user-variables': customFieldsOf(email),
  message: {
    headers: { to: email.to.join(', '), 'message-id': email.id, from: 'hello@mg.example.com', subject: email.subject },
  },
  ...(event.bounce && bounceFacts(event.bounce)),
  ...(event.engagement && {
    ip: '192.0.2.17',
    'client-info': { 'user-agent': event.engagement.userAgent, 'client-type': 'browser', bot: '' },
    ...(event.engagement.url !== null && { url: event.engagement.url }),
  }),
})

const bounceFacts = ({ class: bounceClass, code, message, isOver }: SampleBounce) => ({
  severity: isOver ? 'permanent' : 'temporary',
  reason: bounceClass === 'hard' ? 'bounce' : 'generic',
  'delivery-status': {
    'attempt-no': 1,
    code: isOver ? 550 : 452,
    'enhanced-code': code,
    message,
    ...(bounceClass === 'hard' && { 'bounce-type': 'hard' }),
  },
})

export const mailgunFormat = eventFormat(dataOf, {
  emailIdOf: (key) => `${key}@mg.example.com`,
  adapt: withOneRecipient,
  namesAllRecipients: false,
})

/** `body` is the value of `event-data`. */
export const signMailgun: Sign = (body, secret, signedAt) => {
  const timestamp = String(Math.floor(signedAt / 1000))
  const token = createHash('sha256').update(body).digest('hex').slice(0, 50)
  const signature = hmacSha256(timestamp + token, secret).toString('hex')
  return {
    headers: { 'content-type': 'application/json' },
    body: `{"signature":${JSON.stringify({ token, timestamp, signature })},"event-data":${body}}`,
  }
}

export const generateMailgunKey = () => sharedSecret(randomBytes(16).toString('hex'))
