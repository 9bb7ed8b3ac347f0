/**
 * How a provider's API is called: a deadline for each try and for all of them, few retries that wait as long as
 * `Retry-After` says, and a circuit breaker, so that a provider's outage costs a worker moments and not minutes.
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
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from './provider.ts'

export interface ProviderHttpOptions {
  /** As people know the provider: it stands in error messages. */
  readonly title: string
  /** The setting that holds the key: whoever reads that it is refused must find it. */
  readonly keySetting: string
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly apiKey: string
  /** For one request with all its tries, answers read. Default 8 seconds: below the 10 that the asking activity has. */
  readonly timeoutMs?: number
  /** The pause before the second try, where the provider names none; it doubles. Default 300 ms. */
  readonly firstPauseMs?: number
}

export interface ProviderRequest {
  readonly method: 'GET' | 'POST'
  /** Below the API's URL, with its slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Whether a second try does no more than the first: always so for GET, for POST only with an idempotency key. */
  readonly isRepeatable: boolean
}

export interface ProviderAnswer {
  readonly status: number
  /** The JSON that was answered; undefined where it is none. */
  readonly json: unknown
}

/** One provider's API. What went wrong is told without any word of the answer, which may quote an address. */
export interface ProviderHttp {
  /**
   * @returns any answer of 2xx, and that nothing is there (404) to GET.
   * @throws ProviderRefusedError for 401 and 403; EmailRefusedError for another 4xx; ProviderUnreachableError for all else.
   */
  request(request: ProviderRequest): Promise<ProviderAnswer>
}

const defaultTimeoutMs = 8_000

/** Tries after the first. */
const retryLimit = 2

/** So many requests in a row without an answer, and nobody is asked for a while; then one request finds out whether it is over. */
const [failuresThatBreak, brokenForMs] = [3, 15_000]

/** Of the longest answers that are known (one email with its bodies) none comes near. */
const longestAnswerBytes = 1_048_576

export function createProviderHttp(options: ProviderHttpOptions): ProviderHttp {
  const { title } = options
  const breaker = circuitBreaker(handleWhen(isOutage), {
    breaker: new ConsecutiveBreaker(failuresThatBreak),
    halfOpenAfter: brokenForMs,
  })
  return {
    request: (request) => throughBreaker(breaker, title, () => tryUntilAnswered(request, options)),
  }
}

async function throughBreaker<T>(breaker: CircuitBreakerPolicy, title: string, work: () => Promise<T>): Promise<T> {
  try {
    return await breaker.execute(work)
  } catch (error) {
    if (!isBrokenCircuitError(error)) throw error
    throw new ProviderUnreachableError(`${title} has not answered lately: it is not asked for some seconds`, {
      retryAfterMs: brokenForMs,
      mayHaveArrived: false,
    })
  }
}

/** Tries again only where that leaves time for an answer: a longer pause is for the caller to wait out. */
function tryUntilAnswered(request: ProviderRequest, options: ProviderHttpOptions): Promise<ProviderAnswer> {
  const { timeoutMs = defaultTimeoutMs, firstPauseMs = 300 } = options
  const endsAt = performance.now() + timeoutMs
  const leftMs = () => endsAt - performance.now()
  let pauseMs = firstPauseMs / 2
  const mayTryAgain = (error: Error) => {
    pauseMs = askedPauseMs(error) ?? pauseMs * 2
    return request.isRepeatable && error instanceof ProviderUnreachableError && leftMs() > pauseMs + firstPauseMs
  }
  const tryAgain = retry(handleWhen(mayTryAgain), {
    maxAttempts: retryLimit,
    backoff: new DelegateBackoff(() => pauseMs),
  })
  return tryAgain.execute(() => tryOnce(request, options, Math.max(1, Math.ceil(leftMs()))))
}

/** Too many requests are no outage: the provider is there, and says when it wants the next. */
const isOutage = (error: Error): boolean => error instanceof ProviderUnreachableError && !error.isRateLimited

const askedPauseMs = (error: unknown): number | null =>
  error instanceof ProviderUnreachableError ? error.retryAfterMs : null

async function tryOnce(
  request: ProviderRequest,
  options: ProviderHttpOptions,
  leftMs: number,
): Promise<ProviderAnswer> {
  const { title, keySetting } = options
  const { response, text } = await exchange(request, options, leftMs)
  const { status } = response
  if (response.ok || (status === 404 && request.method === 'GET')) return { status, json: parseJson(text) }
  if (status === 401 || status === 403) {
    throw new ProviderRefusedError(`${title} refuses our key with ${status}: put ${keySetting} right`)
  }
  const isRateLimited = status === 429
  if (status >= 400 && status < 500 && status !== 408 && !isRateLimited) {
    throw new EmailRefusedError(`${title} refuses the request with ${status}`, status, reasonIn(parseJson(text)))
  }
  throw new ProviderUnreachableError(`${title} answered ${status}`, {
    retryAfterMs: retryAfterMs(response),
    isRateLimited,
    mayHaveArrived: !isRateLimited,
  })
}

async function exchange(request: ProviderRequest, options: ProviderHttpOptions, timeoutMs: number) {
  const { title, apiUrl, apiKey } = options
  const { method, path, headers, body } = request
  try {
    const response = await fetch(`${apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect could carry the key elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { response, text: await readText(response, title) }
  } catch (error) {
    if (error instanceof ProviderUnreachableError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    const words = isLate
      ? `no answer from ${title} within ${options.timeoutMs ?? defaultTimeoutMs} ms`
      : `${title} is unreachable`
    throw new ProviderUnreachableError(words, { mayHaveArrived: !neverConnected(error) })
  }
}

/** Node's and undici's codes for a request of which nothing left this machine. */
const unconnectedCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

function neverConnected(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && unconnectedCodes.has(String(cause.code))
}

async function readText(response: Response, title: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > longestAnswerBytes) throw new ProviderUnreachableError(`the answer of ${title} is longer than 1 MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const word = /^[a-z][a-z0-9_]{1,63}$/i

/** The error's name, as most APIs tell it: `{name}`, `{code}` or `{error: {code}}`. */
function reasonIn(json: unknown): string | null {
  const { name, code, error } = (json ?? {}) as { name?: unknown; code?: unknown; error?: { code?: unknown } | null }
  return (
    ([name, code, error?.code].find((said) => typeof said === 'string' && word.test(said)) as string | undefined) ??
    null
  )
}

/** Seconds, or a date (RFC 9110 §10.2.3), as milliseconds from now; null where it says neither. */
function retryAfterMs(response: Response): number | null {
  const said = response.headers.get('retry-after')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(said)) return Number(said) * 1_000
  const at = Date.parse(said)
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now())
}
