/**
 * HTTP for providers' APIs: a deadline for all attempts together, a few retries that respect `Retry-After`, and a circuit
 * breaker, so that a provider's outage does not block workers for minutes.
 */
import {
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhen,
  isBrokenCircuitError,
  retry,
} from 'cockatiel'
import { jsonIn } from './fields.ts'
import { type ApiOptions, EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from './provider-api.ts'

export interface ProviderHttpOptions extends ApiOptions {
  /** The provider's name in error messages. */
  readonly title: string
  /** The environment variable of the key, for the message about a refused key. */
  readonly keySetting: string
  /** The pause before the second attempt, where the provider sends no `Retry-After`; it doubles. Default 300 ms. */
  readonly firstPauseMs?: number
  /** The header with the time at which a rate limit ends, epoch seconds or seconds from now, for a provider that sends no `Retry-After`. */
  readonly rateLimitResetHeader?: string
  /** The headers that authenticate a request, made anew for each attempt. Default: the key as a bearer token. */
  readonly authenticate?: (request: {
    method: string
    url: string
    body?: string
  }) => Promise<Readonly<Record<string, string>>>
  /** The error that an answer other than 2xx is, where it says more than its status; null where the status decides. */
  readonly errorIn?: (answer: ErrorAnswer) => Error | null
}

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Headers
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown
}

interface ProviderRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Appended to the API's URL; starts with a slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Whether repeating it has no further effect: always so for GET, PUT and DELETE, for POST only with an idempotency key. */
  readonly isRepeatable: boolean
  /** Default 1 MiB. */
  readonly maxAnswerBytes?: number
}

interface ProviderAnswer {
  readonly status: number
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown
}

/** Error messages hold no part of the answer, which may quote an address. */
export interface ProviderHttp {
  /**
   * @returns an answer of 2xx, or of 404 to GET and DELETE.
   * @throws ProviderRefusedError for 401 and 403; EmailRefusedError for another 4xx; ProviderUnreachableError otherwise.
   */
  request(request: ProviderRequest): Promise<ProviderAnswer>
}

const defaultTimeoutMs = 8_000

/** Attempts after the first. */
const retryLimit = 2

/** The circuit opens after so many requests in a row without an answer, for so long. Then one request probes the provider. */
const [failureLimit, openForMs] = [3, 15_000]

/** Far above the longest known answers, one email with its bodies. */
const defaultMaxAnswerBytes = 1_048_576

export function createProviderHttp(options: ProviderHttpOptions): ProviderHttp {
  const { title } = options
  const breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(failureLimit),
    halfOpenAfter: openForMs,
  })
  return {
    request: (request) => throughBreaker(breaker, title, () => requestWithRetries(request, options)),
  }
}

async function throughBreaker<T>(breaker: CircuitBreakerPolicy, title: string, work: () => Promise<T>): Promise<T> {
  try {
    return await breaker.execute(work)
  } catch (error) {
    if (!isBrokenCircuitError(error)) throw error
    throw new ProviderUnreachableError(
      `${title} did not answer the last requests: no request is sent for some seconds`,
      {
        retryAfterMs: openForMs,
        mayHaveArrived: false,
      },
    )
  }
}

/** Retries only if the pause leaves time for an answer. The caller waits out a longer pause. */
function requestWithRetries(request: ProviderRequest, options: ProviderHttpOptions): Promise<ProviderAnswer> {
  const { timeoutMs = defaultTimeoutMs, firstPauseMs = 300 } = options
  const endsAt = performance.now() + timeoutMs
  const leftMs = () => endsAt - performance.now()
  let pauseMs = firstPauseMs / 2
  const mayRetry = (error: Error) => {
    pauseMs = retryAfterOf(error) ?? pauseMs * 2
    return request.isRepeatable && error instanceof ProviderUnreachableError && leftMs() > pauseMs + firstPauseMs
  }
  const retrying = retry(handleWhen(mayRetry), {
    maxAttempts: retryLimit,
    backoff: new DelegateBackoff(() => pauseMs),
  })
  return retrying.execute(() => requestOnce(request, options, Math.max(1, Math.ceil(leftMs()))))
}

/** A rate limit is not an outage: the provider answers. */
const isOutage = (error: Error): boolean => error instanceof ProviderUnreachableError && !error.isRateLimited

const retryAfterOf = (error: unknown): number | null =>
  error instanceof ProviderUnreachableError ? error.retryAfterMs : null

async function requestOnce(
  request: ProviderRequest,
  options: ProviderHttpOptions,
  leftMs: number,
): Promise<ProviderAnswer> {
  const { title, keySetting } = options
  const { response, text } = await exchange(request, options, leftMs)
  const { status } = response
  const error = response.ok ? null : options.errorIn?.({ status, headers: response.headers, json: jsonIn(text) })
  if (error) throw error
  if (response.ok || (status === 404 && ['GET', 'DELETE'].includes(request.method)))
    return { status, json: jsonIn(text) }
  if (status === 401 || status === 403) {
    throw new ProviderRefusedError(`${title} refuses the API key with ${status}: check ${keySetting}`)
  }
  const isRateLimited = status === 429
  if (status >= 400 && status < 500 && status !== 408 && !isRateLimited) {
    throw new EmailRefusedError(`${title} refuses the request with ${status}`, status, reasonIn(jsonIn(text)))
  }
  throw new ProviderUnreachableError(`${title} answered ${status}`, {
    retryAfterMs: retryAfterIn(response) ?? (isRateLimited ? rateLimitEndIn(response, options) : null),
    isRateLimited,
    mayHaveArrived: !isRateLimited,
  })
}

async function exchange(request: ProviderRequest, options: ProviderHttpOptions, timeoutMs: number) {
  const { title, apiUrl, apiKey } = options
  const { method, path, headers, body, maxAnswerBytes = defaultMaxAnswerBytes } = request
  const url = `${apiUrl}${path}`
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...((await options.authenticate?.({ method, url, ...sent })) ?? { authorization: `Bearer ${apiKey}` }),
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...sent,
      // A redirect could carry the key elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { response, text: await readText(response, title, maxAnswerBytes) }
  } catch (error) {
    if (error instanceof ProviderUnreachableError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    const message = isLate
      ? `no answer from ${title} within ${options.timeoutMs ?? defaultTimeoutMs} ms`
      : `${title} is unreachable`
    throw new ProviderUnreachableError(message, { mayHaveArrived: !neverConnected(error) })
  }
}

/** Node's and undici's error codes for a request that was not sent. */
const unconnectedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

function neverConnected(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && unconnectedCodes.has(String(cause.code))
}

async function readText(response: Response, title: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > maxBytes) throw new ProviderUnreachableError(`the answer of ${title} is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const errorCode = /^[a-z][a-z0-9_]{1,63}$/i

/** The error code, as most APIs return it: `{name}`, `{code}` or `{error: {code}}`; Postmark's is a number, `{ErrorCode}`. */
function reasonIn(json: unknown): string | null {
  const { name, code, error } = (json ?? {}) as { name?: unknown; code?: unknown; error?: { code?: unknown } | null }
  const { ErrorCode: number } = (json ?? {}) as { ErrorCode?: unknown }
  if (Number.isInteger(number)) return String(number)
  const found = [name, code, error?.code].find((value) => typeof value === 'string' && errorCode.test(value))
  return (found as string | undefined) ?? null
}

/** Seconds, or a date (RFC 9110 §10.2.3), in milliseconds from now; null if it is neither. */
function retryAfterIn(response: Response): number | null {
  const text = response.headers.get('retry-after')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now())
}

/** Of the year 2001. Nobody waits for so long. */
const firstEpochMs = 1_000_000_000_000

/** The end of a rate limit in milliseconds from now; null where the provider does not say. */
function rateLimitEndIn(response: Response, { rateLimitResetHeader }: ProviderHttpOptions): number | null {
  const text = (rateLimitResetHeader && response.headers.get(rateLimitResetHeader)?.trim()) || ''
  if (!/^\d+$/.test(text)) return null
  const ms = Number(text) * 1_000
  return ms < firstEpochMs ? ms : Math.max(0, ms - Date.now())
}
