/** Support's webhook, signed by the Standard Webhooks scheme (standardwebhooks.com), which Slack can be put behind too. */
import { Webhook } from 'standardwebhooks'
import { incidentIn } from '../domain/incident.ts'
import { ConfigurationError } from '../errors.ts'
import { SupportUnreachableError } from './errors.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from './support.ts'
import { textOf } from './wording.ts'

export interface WebhookChannelOptions {
  readonly url: string
  /** Base64, with or without `whsec_`. */
  readonly secret: string
  /** How long the far side may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number
}

/** Answers below 500 after which trying again may help: timeout, conflict, too early, too many requests. */
const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** Moved for good: only another SUPPORT_WEBHOOK_URL helps. */
const movedStatuses: ReadonlySet<number> = new Set([301, 308])

/**
 * Tells support by POST. Redirects are not followed: the notice holds addresses and goes only where the user said.
 * @throws ConfigurationError when the secret is no base64, or the URL holds a user name or password.
 */
export function createWebhookChannel({ url, secret, timeoutMs = 10_000 }: WebhookChannelOptions): SupportChannel {
  const signer = signerOf(secret)
  const { username, password } = new URL(url)
  if (username || password) {
    throw new ConfigurationError('SUPPORT_WEBHOOK_URL cannot hold a user name or password: the signature proves us')
  }
  return {
    name: 'webhook',
    async tell(notice) {
      refuseUnless2xx(await post(url, signedRequest(signer, notice), timeoutMs))
    },
  }
}

function signerOf(secret: string): Webhook {
  try {
    return new Webhook(secret)
  } catch (cause) {
    throw new ConfigurationError('SUPPORT_WEBHOOK_SECRET wants base64, with or without whsec_', { cause })
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

/** A header takes visible ASCII only, and an email ID within the notice's may hold anything. */
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

/** The answer's status. Its body is thrown away unread. */
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

/** `ECONNREFUSED` and the like: fetch hides it in the cause. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'connection failed'
}

function refuseUnless2xx(status: number): void {
  if (status >= 200 && status < 300) return
  if (movedStatuses.has(status)) {
    throw new NoticeRefusedError(
      `the support webhook has moved (${status}): set SUPPORT_WEBHOOK_URL to its new address`,
    )
  }
  if (status >= 400 && status < 500 && !passingStatuses.has(status)) {
    throw new NoticeRefusedError(`the support webhook refused the notice with ${status}`)
  }
  throw new SupportUnreachableError(`the support webhook answered ${status}`)
}
