/** Notices by webhook, signed by the Standard Webhooks scheme (standardwebhooks.com). */
import { Webhook } from 'standardwebhooks'
import { incidentIn } from '../domain/incident.ts'
import { ConfigurationError } from '../errors.ts'
import type { MessageReference, NoticeDigest, SupportChannel, SupportNotice } from './channel.ts'
import { digestLines, stateLine, textOf } from './messages.ts'
import { postAndForget, type Receiver } from './post.ts'

export interface WebhookChannelOptions {
  readonly url: string
  /** Base64, with or without `whsec_`. */
  readonly secret: string
  /** How long the receiver may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number
  /** Of one of CHANNELS: its name, and what its variables begin with. Default: the channel of SUPPORT_WEBHOOK_URL. */
  readonly named?: { readonly name: string; readonly prefix: string }
}

/**
 * Does not follow redirects, since the notice may contain addresses. The channel of SUPPORT_WEBHOOK_URL gets notices only, as its receivers
 * expect; one of CHANNELS also changes of state and digests.
 * @throws ConfigurationError if the secret is not base64, or the URL contains a user name or password.
 */
export function createWebhookChannel({ url, secret, timeoutMs, named }: WebhookChannelOptions): SupportChannel {
  const prefix = named?.prefix ?? 'SUPPORT_WEBHOOK_'
  const signer = signerOf(secret, `${prefix}SECRET`)
  refuseCredentials(url, `${prefix}URL`)
  const receiver: Receiver = {
    title: named ? 'the webhook' : 'the support webhook',
    settings: `${prefix}URL and ${prefix}SECRET`,
    urlSetting: `${prefix}URL`,
    timeoutMs,
  }
  const post = (id: string, body: object) => postAndForget(url, signedPost(signer, id, body), receiver)
  const send = async (notice: SupportNotice): Promise<MessageReference> => {
    await post(notice.id, { type: 'escalation.notice', text: textOf(notice), ...contentOf(notice) })
    return null
  }
  return named ? { name: named.name, send, ...changesBy(post) } : { name: 'webhook', send }
}

const changesBy = (post: (id: string, body: object) => Promise<void>) => ({
  async showState(notice: SupportNotice): Promise<MessageReference> {
    const { escalationId, version, state, acknowledgedBy, snoozedUntil, resolvedBy } = notice
    const { escalation, ...subject } = contentOf(notice)
    // The notice that is sent again says that it is open.
    if (state === 'open') return null
    await post(`${escalationId}.v${version}`, {
      type: 'escalation.changed',
      text: stateLine(notice),
      escalation: {
        ...escalation,
        ...{ state, acknowledgedBy, resolvedBy },
        snoozedUntil: snoozedUntil === null ? null : new Date(snoozedUntil).toISOString(),
      },
      ...subject,
    })
    return null
  },
  async sendDigest(digest: NoticeDigest): Promise<void> {
    const { title, lines } = digestLines(digest)
    const escalations = digest.notices.map(({ escalationId: id, reason, state }) => ({ id, reason, state }))
    await post(digest.id, { type: 'escalation.digest', text: [`${title}.`, ...lines].join('\n'), escalations })
  },
  async sendTest(): Promise<void> {
    await post(`test.${Date.now()}`, { type: 'channel.test', text: 'This is a test from Aftersend.' })
  },
})

function signerOf(secret: string, variable: string): Webhook {
  try {
    return new Webhook(secret)
  } catch (cause) {
    throw new ConfigurationError(`${variable} must be base64, with or without whsec_`, { cause })
  }
}

function refuseCredentials(url: string, variable: string): void {
  const { username, password } = new URL(url)
  if (username || password) {
    throw new ConfigurationError(
      `${variable} must not contain a user name or password: requests are authenticated by their signature`,
    )
  }
}

function signedPost(signer: Webhook, noticeId: string, content: object) {
  const body = JSON.stringify(content)
  const id = headerText(noticeId)
  const now = new Date()
  return {
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': signer.sign(id, now, body),
    },
  }
}

/** Headers allow visible ASCII only; the ID contains an email ID, which may be any text. */
const headerText = (id: string): string => (/^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id))

function contentOf(notice: SupportNotice) {
  const incident = incidentIn(notice)
  const hidden = notice.isWithoutAddresses === true
  return {
    escalation: {
      id: notice.escalationId,
      reason: notice.reason,
      detail: notice.detail,
      notice: notice.notice,
      openedAt: new Date(notice.openedAt).toISOString(),
    },
    ...(incident
      ? { scope: incident.scope, email: null }
      : {
          email: {
            id: notice.emailId,
            provider: notice.provider,
            ...(hidden ? {} : { to: notice.recipients, subject: notice.subject }),
            priority: notice.priority,
            status: notice.status,
          },
        }),
  }
}
