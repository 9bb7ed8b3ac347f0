/** Support's mailbox, over SMTP. */
import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { domainOf, normalizeAddress } from '../domain/address.ts'
import { SupportUnreachableError } from './errors.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from './support.ts'
import { headlineOf, textOf } from './wording.ts'

export interface EmailChannelOptions {
  readonly to: string
  /** `smtp://user:password@host:587` or `smtps://…`. */
  readonly smtpUrl: string
  /** How long connecting, the greeting, and any silence after it may take, each. Default 10 seconds. */
  readonly timeoutMs?: number
}

/** Tells support by plain-text email. A connection per notice: they are rare, and an idle pool would only break. */
export function createEmailChannel({ to, smtpUrl, timeoutMs = 10_000 }: EmailChannelOptions): SupportChannel {
  const from = senderOf(smtpUrl, to)
  const transport = createTransport({
    url: smtpUrl,
    pool: false,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'email',
    async tell(notice) {
      try {
        await transport.sendMail({
          from: { name: 'Aftersend', address: from },
          to,
          subject: headlineOf(notice),
          text: textOf(notice),
          messageId: messageIdOf(notice, from),
          // RFC 3834: written by a machine, so that absence notes do not answer.
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
      } catch (error) {
        throw failureOf(error)
      }
    },
  }
}

/**
 * Who it comes from: the SMTP user where that is an address, since submission servers let users write only as themselves
 * (RFC 6409 §6.1); else `aftersend` at support's own domain, which a relay that takes no login will know. It does not
 * depend on the machine, so that a notice tried again elsewhere stays the same message.
 */
function senderOf(smtpUrl: string, to: string): string {
  const user = normalizeAddress(decodeURIComponent(new URL(smtpUrl).username))
  return user ?? `aftersend@${domainOf(normalizeAddress(to) ?? to)}`
}

/** The same for every try of a notice, so that mailboxes show it once. Hashed: an ID may hold what a header may not. */
function messageIdOf(notice: SupportNotice, from: string): string {
  const digest = createHash('sha256').update(notice.id).digest('hex').slice(0, 40)
  return `<aftersend.${digest}@${domainOf(from)}>`
}

/** What SMTP said as one of our errors. Nodemailer counts a 5xx reply as permanent, but for 503: a session gone wrong. */
function failureOf(error: unknown): Error {
  const { code, responseCode, permanent } = error as { code?: string; responseCode?: number; permanent?: boolean }
  const said = [code, responseCode].filter((part) => part !== undefined).join(' ') || 'no reply'
  return permanent === true
    ? new NoticeRefusedError(`the SMTP server refused the notice (${said}): check SMTP_URL and SUPPORT_EMAIL`)
    : new SupportUnreachableError(`the SMTP server did not take the notice (${said})`)
}
