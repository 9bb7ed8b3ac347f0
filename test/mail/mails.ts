/** Whole mails for tests. */
import { readFileSync } from 'node:fs'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { eventsOfReport, type ReportContext } from '../../src/mail/mail-events.ts'
import { type MailReport, reportIn } from '../../src/mail/mail-report.ts'
import { readMail } from '../../src/mail/read-mail.ts'

/** The bytes of a fixture. */
export const fixture = (path: string): Buffer => readFileSync(new URL(`fixtures/${path}`, import.meta.url))

export interface StatusFields {
  readonly recipient?: string
  readonly original?: string
  readonly action?: string
  readonly status?: string
  readonly diagnostic?: string
  readonly remoteMta?: string
  readonly text?: string
  readonly messageId?: string
  readonly to?: string
  /** Of the report itself. */
  readonly headers?: readonly string[]
}

/** A delivery status notification (RFC 3464) with LF as line end. */
export const statusMail = ({
  recipient = 'ada@example.com',
  original = '',
  action = 'failed',
  status = '5.1.1',
  diagnostic = '',
  remoteMta = '',
  text = '',
  messageId = '<sent-1@app.example.com>',
  to = recipient,
  headers = [],
}: StatusFields = {}): Buffer =>
  Buffer.from(
    [
      'From: Mail Delivery System <MAILER-DAEMON@mx.example.net>',
      ...headers,
      'Date: Sun, 1 Nov 2026 10:00:00 +0000',
      'Subject: Undelivered Mail Returned to Sender',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"',
      '',
      ...['--=_b', 'Content-Type: text/plain; charset=utf-8', '', text, ''],
      ...['--=_b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.example.net', ''],
      ...(original === '' ? [] : [`Original-Recipient: rfc822; ${original}`]),
      `Final-Recipient: rfc822; ${recipient}`,
      `Action: ${action}`,
      ...(status === '' ? [] : [`Status: ${status}`]),
      ...(remoteMta === '' ? [] : [`Remote-MTA: dns; ${remoteMta}`]),
      ...(diagnostic === '' ? [] : [`Diagnostic-Code: smtp; ${diagnostic}`]),
      '',
      ...['--=_b', 'Content-Type: message/rfc822', '', `Message-ID: ${messageId}`, `To: ${to}`, 'Subject: Hello', ''],
      ...['The content stays out of all that is stored.', '', '--=_b--', ''],
    ].join('\n'),
  )

/** A mail with a text alone. */
export const textMail = (text: string, headers: readonly string[] = []): Buffer =>
  Buffer.from(
    [
      ...headers,
      ...(headers.some((header) => /^from:/i.test(header)) ? [] : ['From: MAILER-DAEMON@mx.example.net']),
      ...(headers.some((header) => /^subject:/i.test(header)) ? [] : ['Subject: failure notice']),
      ...['To: bounces@app.example.com', 'Content-Type: text/plain; charset=utf-8', '', text],
    ].join('\n'),
  )

export const reportOf = async (raw: Buffer): Promise<MailReport | null> => reportIn(await readMail(raw))

export const receivedAt = Date.UTC(2026, 10, 25, 12)

/** The events of a mail about an email that nobody knows, unless `context` names one. */
export async function eventsOf(raw: Buffer, context: Partial<ReportContext> = {}): Promise<ReceivedEvent[]> {
  const report = await reportOf(raw)
  const defaults = { email: null, returnPathId: null, project: 'default', account: null, receivedAt }
  return report === null ? [] : eventsOfReport(report, { ...defaults, ...context })
}
