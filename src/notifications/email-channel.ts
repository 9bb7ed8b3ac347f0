/** Notices by email, over SMTP. */
import { createHash } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { domainOf, normalizeAddress } from '../domain/address.ts'
import { NoticeRefusedError, type SupportChannel } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'
import { digestLines, headlineOf, textOf } from './messages.ts'

export interface EmailChannelOptions {
  readonly to: string
  /** `smtp://user:password@host:587` or `smtps://…`. */
  readonly smtpUrl: string
  /** Whether nothing is sent to a server that offers no TLS (STARTTLS). Default false. */
  readonly requiresTls?: boolean
  /** Limit for connecting, for the greeting, and for each silence after it. Default 10 seconds. */
  readonly timeoutMs?: number
  /** Of one of CHANNELS: its name, and the variable of its address. Default: the channel of SUPPORT_EMAIL. */
  readonly named?: { readonly name: string; readonly variable: string }
}

/** Sends plain text, over one connection per notice: they are too rare for a pool. */
export function createEmailChannel({
  to,
  smtpUrl,
  requiresTls = false,
  timeoutMs = 10_000,
  named,
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
  const mail = async (id: string, subject: string, text: string): Promise<void> => {
    try {
      await transport.sendMail({
        from: { name: 'Aftersend', address: from },
        ...{ to, subject, text },
        messageId: messageIdOf(id, from),
        // RFC 3834: prevents automatic replies.
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    } catch (error) {
      throw failureOf(error, named?.variable ?? 'SUPPORT_EMAIL')
    }
  }
  return {
    name: named?.name ?? 'email',
    async send(notice) {
      await mail(notice.id, headlineOf(notice), textOf(notice))
    },
    async sendDigest(digest) {
      const { title, lines } = digestLines(digest)
      await mail(digest.id, title, [`${title}:`, ...lines].join('\n\n'))
    },
    sendTest: () => mail(`test.${Date.now()}`, 'Test', 'This is a test from Aftersend.'),
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
function messageIdOf(id: string, from: string): string {
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 40)
  return `<aftersend.${digest}@${domainOf(from)}>`
}

/** Maps an SMTP error. Nodemailer marks 5xx replies as permanent, except 503, which is an error of the session. */
function failureOf(error: unknown, variable: string): Error {
  const { code, responseCode, permanent } = error as { code?: string; responseCode?: number; permanent?: boolean }
  if (code === 'ETLS') {
    return new SupportUnreachableError(
      'the SMTP server offers no TLS: use an smtps:// URL, or name SMTP_URL in ALLOW_INSECURE if its network is yours',
    )
  }
  const reply = [code, responseCode].filter((part) => part !== undefined).join(' ') || 'no reply'
  return permanent === true
    ? new NoticeRefusedError(`the SMTP server refused the notice (${reply}): check SMTP_URL and ${variable}`)
    : new SupportUnreachableError(`the SMTP server did not accept the notice (${reply})`)
}
