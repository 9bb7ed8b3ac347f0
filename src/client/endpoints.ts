/** Endpoints, which receive webhooks: set up, paused, looked at, replayed. */
import type {
  CreatedEndpoint,
  Endpoint,
  EndpointReplay,
  ListedAttempts,
  NewEndpoint,
  PulledOutcome,
  PulledWebhook,
} from './endpoint-types.ts'
import { type ConnectionOptions, defaultTimeoutMs, found, request } from './request.ts'

/** Except for `get`, all throw AftersendProblemError with status 404 for an endpoint that does not exist. */
export interface EndpointsClient {
  /** The answer has the secret that signs its webhooks. It is shown this once. */
  create(endpoint: NewEndpoint): Promise<CreatedEndpoint>
  /** All of them, newest first. */
  list(): Promise<readonly Endpoint[]>
  /** Null if there is no such endpoint. */
  get(id: string): Promise<Endpoint | null>
  /** Changes what is given. */
  update(id: string, changes: Partial<NewEndpoint>): Promise<Endpoint>
  /** What it has not received is dropped. */
  delete(id: string): Promise<void>
  /** Sends nothing more. What happens meanwhile is sent when it is resumed. */
  pause(id: string): Promise<Endpoint>
  /** Sends what was missed, in order. @param options `skip`: drops it, and starts with what happens from now on. */
  resume(id: string, options?: { readonly skip?: boolean }): Promise<Endpoint>
  /** Sends the event `endpoint.test`. @returns its delivery. */
  test(id: string): Promise<{ readonly deliveryId: string }>
  /**
   * A new secret, which signs together with the present ones until those expire.
   * @param options `overlapSeconds`: how long those sign on. Default a day, at most 7.
   */
  rotateSecret(
    id: string,
    options?: { readonly overlapSeconds?: number },
  ): Promise<{ readonly secret: string; readonly othersExpireAt: string }>
  /** A page of its attempts, newest first. */
  attempts(
    id: string,
    page?: { readonly outcome?: 'succeeded' | 'failed'; readonly cursor?: string; readonly limit?: number },
  ): Promise<ListedAttempts>
  /** Sends again, with the same `webhook-id`. @returns how many. */
  replay(id: string, what: EndpointReplay): Promise<{ readonly replayed: number }>
  /**
   * The webhooks of an endpoint without a URL that are next, each with its signature; the same ones again until they are acknowledged.
   * An endpoint that nobody pulls from for an hour is deleted.
   * @param options `waitSeconds`: for the first of them, if there are none. Default 0, at most 25.
   */
  pull(
    id: string,
    options?: { readonly waitSeconds?: number; readonly signal?: AbortSignal },
  ): Promise<readonly PulledWebhook[]>
  /** Ends the delivery of pulled webhooks, whatever their outcome was. */
  acknowledge(id: string, outcomes: readonly PulledOutcome[]): Promise<void>
}

type Call = Parameters<typeof request>[1]

/** Repeated, it would make a second endpoint or secret. */
const once = { method: 'POST', isRepeatable: false } as const

export function createEndpointsClient(options: ConnectionOptions): EndpointsClient {
  const call = async <T>(id: string, below: string, sent: Omit<Call, 'path'> = {}): Promise<T> =>
    found(await request<T>(options, { ...sent, path: pathOf(id) + below }))
  const post = <T>(id: string, below: string, body: unknown = {}) => call<T>(id, below, { method: 'POST', body })
  return {
    create: async (body) => found(await request(options, { ...once, path: '/v1/endpoints', body })),
    list: async () => found(await request<{ data: Endpoint[] }>(options, { path: '/v1/endpoints' })).data,
    get: (id) => request(options, { path: pathOf(id) }),
    update: (id, body) => call(id, '', { method: 'PATCH', body }),
    delete: async (id) => void (await call(id, '', { method: 'DELETE' })),
    pause: (id) => post(id, '/pause'),
    resume: (id, { skip = false } = {}) => post(id, '/resume', { skip }),
    test: (id) => post(id, '/test'),
    rotateSecret: (id, body) => call(id, '/secret', { ...once, body: body ?? {} }),
    attempts: (id, page = {}) => call(id, `/attempts${queryOf(page)}`),
    replay: (id, what) => post(id, '/replay', what),
    pull: async (id, { waitSeconds = 0, signal } = {}) => {
      const timeoutMs = (options.timeoutMs ?? defaultTimeoutMs) + waitSeconds * 1_000
      const path = `${pathOf(id)}/deliveries${queryOf({ wait: waitSeconds })}`
      return found(await request<{ data: PulledWebhook[] }>({ ...options, timeoutMs }, { path, signal })).data
    },
    acknowledge: async (id, outcomes) => void (await post(id, '/acknowledge', { outcomes })),
  }
}

const pathOf = (id: string): string => `/v1/endpoints/${encodeURIComponent(id)}`

function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
