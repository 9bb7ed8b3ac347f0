/** KumoMTA: log records by docs.kumomta.com/reference/log_record. Every record names one recipient. It reports no opens and clicks. */
import {
  type DatedSampleEvent,
  eventFormat,
  type SampleBounce,
  type SampleEmail,
  withClassOfCode,
  withOneRecipient,
} from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'

const types: Readonly<Record<string, string>> = { queued: 'Reception', delivered: 'Delivery', complained: 'Feedback' }

function recordOf(event: DatedSampleEvent, email: SampleEmail) {
  const { bounce, recipient, at } = event
  const type = bounce ? (bounce.isOver ? 'Bounce' : 'TransientFailure') : types[event.type]
  return {
    type,
    id: event.id,
    sender: 'hello@example.com',
    recipient,
    queue: 'example.com',
    site: 'mx.example.com',
    size: 1_047,
    response: bounce ? responseOf(bounce) : { code: 250, content: 'OK', command: '.' },
    peer_address: { name: 'mx.example.com.', addr: '192.0.2.25' },
    timestamp: Math.floor(at.getTime() / 1_000),
    event_time: at.toISOString(),
    num_attempts: 0,
    bounce_classification: 'Uncategorized',
    feedback_report: type === 'Feedback' ? reportOf(event, email) : null,
    meta: { ...customFieldsOf(email), tags: email.tags },
    headers: { 'Message-ID': `<${email.id}>`, Subject: email.subject },
    delivery_protocol: 'ESMTP',
  }
}

function responseOf({ code, message, isOver }: SampleBounce) {
  const [first, subject, detail] = (code ?? '').split('.').map(Number)
  return {
    code: isOver ? 550 : 451,
    enhanced_code: detail === undefined ? null : { class: first, subject, detail },
    content: message ?? '',
    command: 'RCPT TO',
  }
}

const reportOf = ({ recipient }: DatedSampleEvent, { id }: SampleEmail) => ({
  feedback_type: 'abuse',
  original_rcpto_to: [`<${recipient}>`],
  original_message: `From: <hello@example.com>\r\nMessage-ID: <${id}>\r\n`,
})

export const kumomtaFormat = eventFormat(recordOf, {
  emailIdOf: (key) => `${key}@example.com`,
  adapt: (event, email) => withOneRecipient(withClassOfCode(event), email),
  namesAllRecipients: false,
})
