/** The HTTP server of a stand-in: authentication, rate limit, faults and pauses are here, the provider's answers are given. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { StandInFaults } from './stand-in.ts'

export interface StandInRequest {
  readonly method: string
  /** Decoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** As it came; empty for none. */
  readonly body: string
  readonly bytes: Buffer
}

export interface StandInAnswer {
  readonly status: number
  /** Sent as JSON. */
  readonly body: unknown
  /** Sent as it is instead of the body, where that has numbers that JavaScript rounds. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface StandInServerOptions {
  readonly isAuthorized: (request: StandInRequest) => boolean
  /** To a request without the right key. Default: 401 with an empty object. */
  readonly refusal?: StandInAnswer
  readonly answer: (request: StandInRequest) => StandInAnswer
  /** Whether a request has a limit of its own, which is not played. Default: all requests share one. */
  readonly isUnlimited?: (request: StandInRequest) => boolean
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly port?: number
}

export interface StandInServer {
  readonly apiUrl: string
  /** The last requests, also refused ones: {@link keptRequests} or more. */
  readonly requests: readonly StandInRequest[]
  /** How many requests there were, also refused ones. */
  requestCount(): number
  setFaults(faults: StandInFaults): void
  /** Whether the API shows an event of this time yet. */
  isVisible(at: number): boolean
  close(): void
}

/** Of 100,000 requests, all would take the memory. */
const keptRequests = 10_000

export async function startStandInServer(options: StandInServerOptions): Promise<StandInServer> {
  const requests: StandInRequest[] = []
  const { clock } = options
  const limit = rateLimit(clock)
  let faults: StandInFaults = {}
  let count = 0

  const answerTo = (request: StandInRequest): StandInAnswer => {
    const { rateLimit: allowed = Number.POSITIVE_INFINITY, ratePeriodMs = 1_000, failEvery = 0 } = faults
    const waitMs = options.isUnlimited?.(request) ? 0 : limit.take(allowed, ratePeriodMs)
    if (waitMs > 0) return { status: 429, body: {}, headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) } }
    if (failEvery > 0 && count % failEvery === 0) return { status: 500, body: {} }
    if (!options.isAuthorized(request)) return options.refusal ?? { status: 401, body: {} }
    return options.answer(request)
  }

  const server = createServer(async (incoming, response) => {
    const request = await requestOf(incoming)
    requests.push(request)
    count += 1
    if (requests.length > 2 * keptRequests) requests.splice(0, keptRequests)
    const answer = answerTo(request)
    if (faults.slowMs) await pause(faults.slowMs)
    send(response, answer)
  }).listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')

  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    requestCount: () => count,
    setFaults(given) {
      faults = given
    },
    isVisible: (at) => at + (faults.delayMs ?? 0) <= clock(),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function requestOf(incoming: IncomingMessage): Promise<StandInRequest> {
  const bytes = await buffer(incoming)
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://stand-in')
  return {
    method: incoming.method ?? '',
    path: decodeURIComponent(pathname),
    query: searchParams,
    headers: incoming.headers,
    body: bytes.toString(),
    bytes,
  }
}

function send(response: ServerResponse, { status, body, text = JSON.stringify(body), headers }: StandInAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

/** Counts in windows, of which the first begins with the first request. */
function rateLimit(clock: () => number) {
  let [startedAt, taken] = [Number.NEGATIVE_INFINITY, 0]
  return {
    /** Returns for how many milliseconds to wait; 0 for a request that is allowed. */
    take(allowed: number, periodMs: number): number {
      const now = clock()
      if (now - startedAt >= periodMs) [startedAt, taken] = [now, 0]
      taken += 1
      return taken > allowed ? startedAt + periodMs - now : 0
    },
  }
}
