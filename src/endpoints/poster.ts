/** Posts webhooks over connections that stay open. */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { type AddressGuard, EndpointRefusedError } from './address-guard.ts'
import type { SignedRequest } from './signed-request.ts'

/** What became of a request. */
export interface Answer {
  /** Null: there was no answer. */
  readonly status: number | null
  readonly durationMs: number
  /** In words; null after an answer. */
  readonly error: string | null
  /** The first kilobyte of the body. */
  readonly body: string | null
  readonly retryAfter?: string | undefined
}

export interface Poster {
  /** Never fails. Follows no redirect: its target would be another URL than the one that was agreed. */
  post(url: string, request: SignedRequest): Promise<Answer>
  close(): void
}

export interface PosterOptions {
  readonly guard: AddressGuard
  /** How long a receiver may take for its answer. Default 15 seconds. */
  readonly timeoutMs?: number
}

const shownBytes = 1_024
/** Of a longer answer, the rest is not read, and the connection is closed. */
const readBytes = 65_536

/** Idle connections are closed before most servers do (5 seconds in Node.js). */
const idleMs = 4_000

export function createPoster({ guard, timeoutMs = 15_000 }: PosterOptions): Poster {
  const settings = { keepAlive: true, timeout: idleMs, scheduling: 'lifo' as const }
  const agents = { 'http:': new HttpAgent(settings), 'https:': new HttpsAgent(settings) }

  const send = (url: URL, { headers, body }: SignedRequest, signal: AbortSignal): Promise<Omit<Answer, 'durationMs'>> =>
    new Promise((resolve, reject) => {
      const isTls = url.protocol === 'https:'
      const request: ClientRequest = (isTls ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent: isTls ? agents['https:'] : agents['http:'],
        lookup: guard.lookup,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal,
      })
      // After the answer has begun, its status is known.
      let isAnswered = false
      request.on('error', (error) => {
        if (!isAnswered) reject(Object.assign(error, { isStale: request.reusedSocket }))
      })
      request.on('response', (response) => {
        isAnswered = true
        startOf(response).then((text) =>
          resolve({
            ...{ status: response.statusCode ?? null, error: null, body: text },
            retryAfter: response.headers['retry-after'],
          }),
        )
      })
      request.end(body)
    })

  return {
    async post(given, signed) {
      const startedAt = performance.now()
      const signal = AbortSignal.timeout(timeoutMs)
      const answer = await attempt(guard, given, (url) => send(url, signed, signal), timeoutMs)
      return { ...answer, durationMs: Math.round(performance.now() - startedAt) }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

async function attempt(
  guard: AddressGuard,
  given: string,
  send: (url: URL) => Promise<Omit<Answer, 'durationMs'>>,
  timeoutMs: number,
): Promise<Omit<Answer, 'durationMs'>> {
  try {
    const url = guard.checkedUrl(given)
    // The receiver may close an idle connection at the moment in which it is used again.
    return await send(url).catch((error) => (isClosedMeanwhile(error) ? send(url) : Promise.reject(error)))
  } catch (error) {
    return { status: null, error: wordsOf(error, timeoutMs), body: null }
  }
}

const isClosedMeanwhile = (error: Error & { code?: string; isStale?: boolean }): boolean =>
  error.isStale === true && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

/** Without addresses: a name's address is of no use to the reader, or is what the guard hides. */
function wordsOf(error: unknown, timeoutMs: number): string {
  if (error instanceof EndpointRefusedError) return error.message
  if (!(error instanceof Error)) return 'the connection failed'
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return `no answer within ${timeoutMs / 1_000} seconds`
  return `the connection failed (${'code' in error && error.code ? String(error.code) : 'no code'})`
}

/** The first kilobyte of the body, without addresses, which a receiver may repeat. Ends with the answer, or when its time is over. */
function startOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve) => {
    const end = () => resolve(withoutAddresses(Buffer.concat(chunks).subarray(0, shownBytes).toString()))
    response.on('data', (chunk: Buffer) => {
      if (bytes < shownBytes) chunks.push(chunk)
      bytes += chunk.length
      if (bytes > readBytes) response.destroy()
    })
    response.on('close', end)
    // Its time is over: the status is known.
    response.on('error', end)
  })
}

/** PostgreSQL stores no NUL in a text. */
const withoutAddresses = (text: string): string =>
  text.replaceAll('\0', '').replace(/[^\s"'<>(),;:=]+@[^\s"'<>(),;:=]+/g, '(address)')
