/** One POST of JSON to a receiver of notices, and what its answer means. */
import { NoticeRefusedError } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'

/** Who is posted to, in the words of errors. They enter histories and logs: neither is a URL. */
export interface Receiver {
  /** `the support webhook`. */
  readonly title: string
  /** The variables to check if it refuses: `SUPPORT_WEBHOOK_URL and SUPPORT_WEBHOOK_SECRET`. */
  readonly settings: string
  /** The variable of its URL. */
  readonly urlSetting: string
  /** How long it may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number | undefined
}

export interface Post {
  readonly headers?: Readonly<Record<string, string>>
  /** Of JSON. */
  readonly body: string
}

/** Answers below 500 after which a retry may help: timeout, conflict, too early, too many requests. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])

/** Moved permanently: the URL must be changed. */
const movedStatuses: ReadonlySet<number> = new Set([301, 308])

/**
 * Posts JSON. Does not follow redirects, since a notice may contain addresses.
 * @returns the answer, whose status is 2xx, with its body unread: the caller reads or cancels it.
 * @throws NoticeRefusedError if a retry cannot help, SupportUnreachableError if it can.
 */
export async function postJson(url: string, post: Post, receiver: Receiver): Promise<Response> {
  const response = await answerTo(url, post, receiver)
  const { status } = response
  if (status >= 200 && status < 300) return response
  await response.body?.cancel()
  const { title, settings, urlSetting } = receiver
  if (movedStatuses.has(status)) {
    throw new NoticeRefusedError(`${title} has moved (${status}): set ${urlSetting} to the new URL`)
  }
  if (status >= 400 && status < 500 && !retryableStatuses.has(status)) {
    throw new NoticeRefusedError(`${title} refused the notice (${status}): check ${settings}`)
  }
  throw new SupportUnreachableError(`${title} answered ${status}`, retryAfterIn(response))
}

async function answerTo(url: string, { headers, body }: Post, { title, timeoutMs = 10_000 }: Receiver) {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'Aftersend', ...headers },
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    const why = isTimeout(error) ? `did not answer within ${timeoutMs} ms` : `cannot be reached (${codeOf(error)})`
    throw new SupportUnreachableError(`${title} ${why}`)
  }
}

/** Posts JSON, and discards the answer without waiting for its end. Throws as {@link postJson} does. */
export async function postAndForget(url: string, post: Post, receiver: Receiver): Promise<void> {
  await (await postJson(url, post, receiver)).body?.cancel()
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError'

/** Such as `ECONNREFUSED`, which fetch puts into the cause. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'connection failed'
}

/** A receiver may ask for more, which would hold back what has become urgent since. */
const longestWaitMs = 600_000

/** Seconds, or a date (RFC 9110 §10.2.3), in milliseconds from now; null if it is neither. */
function retryAfterIn(response: Response): number | null {
  const text = response.headers.get('retry-after')?.trim() ?? ''
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), longestWaitMs)
}
