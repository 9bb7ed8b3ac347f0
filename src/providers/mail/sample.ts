/** Reports as mail servers write them: delivery status notifications (RFC 3464) and feedback reports (RFC 5965). */
import { type DatedSampleEvent, type SampleEmail, type SampleFormat, withOneRecipient } from '../sample.ts'

/** Email IDs are Message-IDs. Times have the resolution of `Last-Attempt-Date`. */
export const mailFormat: SampleFormat = {
  emailIdOf: (key) => `${key}@mail.example.com`,
  timeResolutionMs: 1_000,
  adapt: withOneRecipient,
  namesAllRecipients: false,
  sendsBatches: false,
  bodyOf: ([event], email) =>
    event === undefined ? '' : event.type === 'complained' ? feedbackReport(event, email) : statusReport(event, email),
}

const boundary = 'report'

const mailOf = (
  type: string,
  subject: string,
  at: Date,
  parts: readonly (readonly [type: string, ...lines: string[]])[],
): string =>
  [
    'From: Mail Delivery System <MAILER-DAEMON@mx.example.net>',
    'To: bounces@example.com',
    `Date: ${rfc5322(at)}`,
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${type}; boundary="${boundary}"`,
    '',
    ...parts.flatMap(([contentType, ...lines]) => [`--${boundary}`, `Content-Type: ${contentType}`, '', ...lines, '']),
    `--${boundary}--`,
    '',
  ].join('\r\n')

const rfc5322 = (at: Date): string => at.toUTCString().replace('GMT', '+0000')

const returned = ({ id, to, subject }: SampleEmail): readonly [string, ...string[]] => [
  'text/rfc822-headers',
  `Message-ID: <${id}>`,
  `To: ${to.join(', ')}`,
  `Subject: ${subject}`,
]

function statusReport({ type, bounce, recipient, at }: DatedSampleEvent, email: SampleEmail): string {
  const action = type === 'delivered' ? 'delivered' : bounce?.isOver ? 'failed' : 'delayed'
  const digit = action === 'delivered' ? 2 : action === 'delayed' || bounce?.class === 'soft' ? 4 : 5
  const reply = type === 'delivered' ? '250 2.0.0 OK' : (bounce?.message ?? '')
  return mailOf('delivery-status', `Delivery Status Notification (${action})`, at, [
    ['text/plain; charset=utf-8', `<${recipient}>: ${reply}`],
    [
      'message/delivery-status',
      'Reporting-MTA: dns; mx.example.net',
      '',
      `Original-Recipient: rfc822; ${recipient}`,
      `Final-Recipient: rfc822; ${recipient}`,
      `Action: ${action}`,
      `Status: ${bounce?.code?.includes('.') ? bounce.code : `${digit}.0.0`}`,
      `Last-Attempt-Date: ${rfc5322(at)}`,
      ...(reply === '' ? [] : [`Diagnostic-Code: smtp; ${reply}`]),
    ],
    returned(email),
  ])
}

const feedbackReport = ({ recipient, at }: DatedSampleEvent, email: SampleEmail): string =>
  mailOf('feedback-report', 'Abuse report', at, [
    ['text/plain; charset=utf-8', 'This is an email abuse report.'],
    [
      'message/feedback-report',
      'Feedback-Type: abuse',
      'User-Agent: Example/1.0',
      'Version: 1',
      `Original-Rcpt-To: <${recipient}>`,
      `Arrival-Date: ${rfc5322(at)}`,
    ],
    returned(email),
  ])
