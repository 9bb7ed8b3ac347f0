/** Requests with retries. All requests of this client are idempotent, unless they say otherwise. */
import {
  AftersendProblemError,
  AftersendUnreachableError,
  RecipientSuppressedError,
  suppressedRecipients,
} from './errors.ts'
import type { Problem } from './types.ts'

export interface ConnectionOptions {
  /** The URL of Aftersend: `https://mail.example.com`. */
  readonly url: string
  /** One of its API keys. */
  readonly apiKey: string
  /** For one request with all its retries. Default 30 seconds. */
  readonly timeoutMs?: number
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch
}

export interface ClientRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
  /** Default true. False: it is sent once, since a second one would do it twice. */
  readonly isRepeatable?: boolean
}

export const defaultTimeoutMs = 30_000
const [firstPauseMs, longestPauseMs] = [250, 5_000]

/**
 * Returns the JSON of the response, an empty object for 204. Retries after a broken connection, and after responses with `Retry-After`.
 * @returns null for 404.
 * @throws AftersendProblemError, RecipientSuppressedError, AftersendUnreachableError; the signal's reason if aborted.
 */
export async function request<T>(options: ConnectionOptions, call: ClientRequest): Promise<T | null> {
  const endsAt = Date.now() + (options.timeoutMs ?? defaultTimeoutMs)
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const result = await attempt(options, call, endsAt)
    if ('response' in result) {
      if (result.response.ok) return await jsonOf<T>(result.response)
      if (result.response.status === 404) {
        await result.response.body?.cancel()
        return null
      }
    }
    const error = 'response' in result ? await problemOf(result.response) : result.error
    if (call.isRepeatable === false) throw error
    const waitMs = 'response' in result ? retryAfterMs(result.response) : pauseMs * (0.5 + Math.random() / 2)
    if (waitMs === null || Date.now() + waitMs >= endsAt) throw error
    await pause(waitMs, call.signal)
  }
}

/** @throws AftersendProblemError with status 404 for null. */
export function found<T>(response: T | null): T {
  if (response !== null) return response
  throw new AftersendProblemError({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'it does not exist' })
}

async function jsonOf<T>(response: Response): Promise<T> {
  if (response.status === 204) return {} as T
  try {
    return (await response.json()) as T
  } catch (cause) {
    throw new AftersendUnreachableError('the response is incomplete or not JSON: check the URL', { cause })
  }
}

async function attempt(
  options: ConnectionOptions,
  call: ClientRequest,
  endsAt: number,
): Promise<{ response: Response } | { error: AftersendUnreachableError }> {
  const deadline = AbortSignal.timeout(Math.max(1, endsAt - Date.now()))
  const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline
  try {
    return { response: await open(options, { ...call, signal }) }
  } catch (cause) {
    call.signal?.throwIfAborted()
    return { error: unreachable(options.url, cause) }
  }
}

/** The error for a `fetch` that failed. */
export const unreachable = (url: string, cause: unknown): AftersendUnreachableError =>
  new AftersendUnreachableError(`Aftersend at ${url} does not answer: check the URL and that it is running`, { cause })

/** One attempt. Returns any response; rejects as `fetch` does. */
export function open(options: ConnectionOptions, call: ClientRequest): Promise<Response> {
  const { url, apiKey, fetch: send = fetch } = options
  const { method = 'GET', path, headers, body, signal } = call
  return send(`${url.replace(/\/+$/, '')}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      accept: 'application/json, application/problem+json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    // A redirect could send the key to another host.
    redirect: 'error',
  })
}

/** The error of an unsuccessful response. */
export async function problemOf(response: Response): Promise<AftersendProblemError | AftersendUnreachableError> {
  const problem = (await response.json().catch(() => null)) as Problem | null
  if (typeof problem?.status !== 'number' || typeof problem.detail !== 'string') {
    return new AftersendUnreachableError(
      `the response (status ${response.status}) is not from Aftersend: check the URL`,
    )
  }
  return suppressedRecipients(problem).length > 0
    ? new RecipientSuppressedError(problem)
    : new AftersendProblemError(problem)
}

const retryableStatuses = new Set([409, 429, 502, 503, 504])

/** The delay before a retry; null if a retry would not help. */
export function retryAfterMs(response: Response): number | null {
  const header = response.headers.get('retry-after')
  if (header === null || !retryableStatuses.has(response.status)) return null
  const seconds = Number(header)
  return Number.isFinite(seconds) ? seconds * 1_000 : Math.max(0, Date.parse(header) - Date.now()) || null
}

/** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
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
