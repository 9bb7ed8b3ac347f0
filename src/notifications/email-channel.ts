/** Notices by email, over SMTP. */
import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { domainOf, normalizeAddress } from '../domain/address.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'
import { headlineOf, textOf } from './messages.ts'

export interface EmailChannelOptions {
  readonly to: string
  /** `smtp://user:password@host:587` or `smtps://…`. */
  readonly smtpUrl: string
  /** Whether nothing is sent to a server that offers no TLS (STARTTLS). Default false. */
  readonly requiresTls?: boolean
  /** Limit for connecting, for the greeting, and for each silence after it. Default 10 seconds. */
  readonly timeoutMs?: number
}

/** Sends plain text, over one connection per notice: they are too rare for a pool. */
export function createEmailChannel({
  to,
  smtpUrl,
  requiresTls = false,
  timeoutMs = 10_000,
}: EmailChannelOptions): SupportChannel {
  const from = senderOf(smtpUrl, to)
  const transport = createTransport({
    url: smtpUrl,
    pool: false,
    requireTLS: requiresTls,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'email',
    async send(notice) {
      try {
        await transport.sendMail({
          from: { name: 'Aftersend', address: from },
          to,
          subject: headlineOf(notice),
          text: textOf(notice),
          messageId: messageIdOf(notice, from),
          // RFC 3834: prevents automatic replies.
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
      } catch (error) {
        throw failureOf(error)
      }
    },
  }
}

/**
 * The sender: the SMTP user if that is an address, since submission servers accept only the user's own (RFC 6409 §6.1); else
 * `aftersend` at support's domain, which a relay without login knows. Independent of the machine, so that a retry elsewhere
 * sends the same message.
 */
function senderOf(smtpUrl: string, to: string): string {
  const user = normalizeAddress(decodeURIComponent(new URL(smtpUrl).username))
  return user ?? `aftersend@${domainOf(normalizeAddress(to) ?? to)}`
}

/** Equal for all attempts, so that mailboxes show a notice once. Hashed, since not every ID is valid in a header. */
function messageIdOf(notice: SupportNotice, from: string): string {
  const digest = createHash('sha256').update(notice.id).digest('hex').slice(0, 40)
  return `<aftersend.${digest}@${domainOf(from)}>`
}

/** Maps an SMTP error. Nodemailer marks 5xx replies as permanent, except 503, which is an error of the session. */
function failureOf(error: unknown): Error {
  const { code, responseCode, permanent } = error as { code?: string; responseCode?: number; permanent?: boolean }
  if (code === 'ETLS') {
    return new SupportUnreachableError(
      'the SMTP server offers no TLS: use an smtps:// URL, or name SMTP_URL in ALLOW_INSECURE if its network is yours',
    )
  }
  const reply = [code, responseCode].filter((part) => part !== undefined).join(' ') || 'no reply'
  return permanent === true
    ? new NoticeRefusedError(`the SMTP server refused the notice (${reply}): check SMTP_URL and SUPPORT_EMAIL`)
    : new SupportUnreachableError(`the SMTP server did not accept the notice (${reply})`)
}
