/** One request with its tries. Everything that this client asks for may be asked twice. */
import { AftersendProblemError, AftersendUnreachableError, RecipientSuppressedError, suppressedIn } from './errors.ts'
import type { Problem } from './types.ts'

export interface ConnectionOptions {
  /** Where Aftersend listens: `https://mail.example.com`. */
  readonly url: string
  /** One of its API keys. */
  readonly apiKey: string
  /** For one request with all its tries. Default 30 seconds. */
  readonly timeoutMs?: number
  /** Default the global one. */
  readonly fetch?: typeof fetch
}

export interface ClientRequest {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

const defaultTimeoutMs = 30_000
const [firstPauseMs, longestPauseMs] = [250, 5_000]

/**
 * The answer's JSON. Answers of 503, 429 and a 409 that says `Retry-After` are waited out, and so is a broken connection.
 * @returns null for 404.
 * @throws AftersendProblemError, RecipientSuppressedError, AftersendUnreachableError; the signal's reason when aborted.
 */
export async function request<T>(options: ConnectionOptions, what: ClientRequest): Promise<T | null> {
  const endsAt = Date.now() + (options.timeoutMs ?? defaultTimeoutMs)
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const tried = await tryOnce(options, what, endsAt)
    if ('response' in tried) {
      if (tried.response.ok) return await answerIn<T>(tried.response)
      if (tried.response.status === 404) {
        await tried.response.body?.cancel()
        return null
      }
    }
    const error = 'response' in tried ? await problemIn(tried.response) : tried.error
    const waitMs = 'response' in tried ? retryAfterMs(tried.response) : pauseMs * (0.5 + Math.random() / 2)
    if (waitMs === null || Date.now() + waitMs >= endsAt) throw error
    await pause(waitMs, what.signal)
  }
}

async function answerIn<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T
  } catch (cause) {
    throw new AftersendUnreachableError('the answer ended early, or is no JSON: is the URL right?', { cause })
  }
}

async function tryOnce(
  options: ConnectionOptions,
  what: ClientRequest,
  endsAt: number,
): Promise<{ response: Response } | { error: AftersendUnreachableError }> {
  const deadline = AbortSignal.timeout(Math.max(1, endsAt - Date.now()))
  const signal = what.signal ? AbortSignal.any([what.signal, deadline]) : deadline
  try {
    return { response: await open(options, { ...what, signal }) }
  } catch (cause) {
    what.signal?.throwIfAborted()
    return { error: new AftersendUnreachableError(`Aftersend at ${options.url} does not answer`, { cause }) }
  }
}

/** One try, whatever the answer. Rejects as `fetch` does. */
export function open(options: ConnectionOptions, what: ClientRequest): Promise<Response> {
  const { url, apiKey, fetch: ask = fetch } = options
  const { method = 'GET', path, headers, body, signal } = what
  return ask(`${url.replace(/\/+$/, '')}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      accept: 'application/json, application/problem+json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    // A redirect could carry the key elsewhere.
    redirect: 'error',
  })
}

/** What an answer that is no success says. */
export async function problemIn(response: Response): Promise<AftersendProblemError | AftersendUnreachableError> {
  const problem = (await response.json().catch(() => null)) as Problem | null
  if (typeof problem?.status !== 'number' || typeof problem.detail !== 'string') {
    return new AftersendUnreachableError(`answered ${response.status}, and not as Aftersend does: is the URL right?`)
  }
  return suppressedIn(problem).length > 0 ? new RecipientSuppressedError(problem) : new AftersendProblemError(problem)
}

const passing = new Set([409, 429, 502, 503, 504])

/** How long to wait before the next try; null where another would be answered no differently. */
export function retryAfterMs(response: Response): number | null {
  const said = response.headers.get('retry-after')
  if (said === null || !passing.has(response.status)) return null
  const seconds = Number(said)
  return Number.isFinite(seconds) ? seconds * 1_000 : Math.max(0, Date.parse(said) - Date.now()) || null
}

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
