/** Notices by webhook, signed by the Standard Webhooks scheme (standardwebhooks.com). */
import { Webhook } from 'standardwebhooks'
import { incidentIn } from '../domain/incident.ts'
import { ConfigurationError } from '../errors.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'
import { textOf } from './messages.ts'

export interface WebhookChannelOptions {
  readonly url: string
  /** Base64, with or without `whsec_`. */
  readonly secret: string
  /** How long the receiver may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number
}

/** Answers below 500 after which a retry may help: timeout, conflict, too early, too many requests. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** Moved permanently: SUPPORT_WEBHOOK_URL must be changed. */
const movedStatuses: ReadonlySet<number> = new Set([301, 308])

/**
 * Does not follow redirects, since the notice contains addresses.
 * @throws ConfigurationError if the secret is not base64, or the URL contains a user name or password.
 */
export function createWebhookChannel({ url, secret, timeoutMs = 10_000 }: WebhookChannelOptions): SupportChannel {
  const signer = signerOf(secret)
  const { username, password } = new URL(url)
  if (username || password) {
    throw new ConfigurationError(
      'SUPPORT_WEBHOOK_URL must not contain a user name or password: requests are authenticated by their signature',
    )
  }
  return {
    name: 'webhook',
    async send(notice) {
      refuseUnless2xx(await post(url, signedRequest(signer, notice), timeoutMs))
    },
  }
}

function signerOf(secret: string): Webhook {
  try {
    return new Webhook(secret)
  } catch (cause) {
    throw new ConfigurationError('SUPPORT_WEBHOOK_SECRET must be base64, with or without whsec_', { cause })
  }
}

interface SignedRequest {
  readonly headers: Record<string, string>
  readonly body: string
}

function signedRequest(signer: Webhook, notice: SupportNotice): SignedRequest {
  const body = JSON.stringify(bodyOf(notice))
  const id = headerText(notice.id)
  const now = new Date()
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Aftersend',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': signer.sign(id, now, body),
    },
  }
}

/** Headers allow visible ASCII only; the ID contains an email ID, which may be any text. */
const headerText = (id: string): string => (/^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id))

function bodyOf(notice: SupportNotice) {
  const incident = incidentIn(notice)
  return {
    type: 'escalation.notice',
    text: textOf(notice),
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
            to: notice.recipients,
            subject: notice.subject,
            priority: notice.priority,
            status: notice.status,
          },
        }),
  }
}

/** Returns the answer's status, and discards its body. */
async function post(url: string, { headers, body }: SignedRequest, timeoutMs: number): Promise<number> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    await response.body?.cancel()
    return response.status
  } catch (error) {
    const why = isTimeout(error) ? `did not answer within ${timeoutMs} ms` : `cannot be reached (${codeOf(error)})`
    throw new SupportUnreachableError(`the support webhook ${why}`)
  }
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError'

/** Such as `ECONNREFUSED`, which fetch puts into the cause. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'connection failed'
}

function refuseUnless2xx(status: number): void {
  if (status >= 200 && status < 300) return
  if (movedStatuses.has(status)) {
    throw new NoticeRefusedError(`the support webhook has moved (${status}): set SUPPORT_WEBHOOK_URL to the new URL`)
  }
  if (status >= 400 && status < 500 && !retryableStatuses.has(status)) {
    throw new NoticeRefusedError(
      `the support webhook refused the notice (${status}): check SUPPORT_WEBHOOK_URL and SUPPORT_WEBHOOK_SECRET`,
    )
  }
  throw new SupportUnreachableError(`the support webhook answered ${status}`)
}
