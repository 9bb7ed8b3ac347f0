import type { AnalyticsBreakdown, AnalyticsQuery, AnalyticsSummary, BreakdownQuery } from './analytics-types.ts'
import type { Domain, ListedDomain } from './domain-types.ts'
import { createEndpointsClient, type EndpointsClient } from './endpoints.ts'
import type { Person } from './person-types.ts'
import { type ConnectionOptions, found, pause, request } from './request.ts'
import type { Channel, Email, EmailQuery, NewEmail, Page, Registration, Suppression } from './types.ts'
import { follow } from './watch.ts'

export interface AftersendClient {
  /**
   * Sends an email, unless a recipient is suppressed.
   * @param idempotencyKey requests with the same key send the email once. Default: a new key for this call, which its retries use.
   * @throws RecipientSuppressedError
   */
  send(email: NewEmail, options?: { readonly idempotencyKey?: string }): Promise<Email>
  /** Registers an email that the application sends itself. A second registration with the same ID is merged. */
  register(registration: Registration): Promise<Email>
  /** The email with its status; null if it is unknown. */
  status(id: string, options?: { readonly provider?: string }): Promise<Email | null>
  /**
   * Yields the email now, and after each change, until the iteration is stopped.
   * @throws AftersendProblemError with status 404 if the email is unknown.
   */
  watch(id: string, options?: WatchOptions): AsyncIterable<Email>
  /** Whether emails to this address are suppressed. */
  isSuppressed(address: string): Promise<boolean>
  /** The suppression state of up to 1,000 addresses, in the same order. */
  checkSuppressions(addresses: readonly string[]): Promise<readonly Suppression[]>
  readonly emails: {
    /** Emails that match, newest first. */
    list(query?: EmailQuery): Promise<Page<Email>>
  }
  readonly analytics: {
    /** Rates and delivery times in total. */
    summary(query?: AnalyticsQuery): Promise<AnalyticsSummary>
    /** The same for each value of a key. */
    breakdown(query: BreakdownQuery): Promise<AnalyticsBreakdown>
  }
  readonly domains: {
    /** The domains that DMARC reports are about. @param query `since`: default 30 days ago; `cursor`: of the next page. */
    list(query?: {
      readonly since?: string
      readonly cursor?: string
      readonly limit?: number
    }): Promise<Page<ListedDomain>>
    /** One domain, also without reports: what they say, what DNS publishes, and what to change. */
    get(domain: string, query?: { readonly since?: string }): Promise<Domain>
  }
  readonly recipients: {
    /**
     * Everything that is known of a person, over all providers. A person who is not known has no emails.
     * @param options `cursor`: of the next page of emails; `limit`: emails of a page, default 50, at most 200.
     */
    lookup(address: string, options?: { readonly cursor?: string; readonly limit?: number }): Promise<Person>
  }
  readonly channels: {
    /** The channels that notify the team. */
    list(): Promise<readonly Channel[]>
    /**
     * Sends a test message to one. Needs a key with the scope `operate`. Never repeated: each message is seen by people.
     * @throws AftersendProblemError with status 502, which says why the channel did not accept it.
     */
    test(name: string): Promise<Channel>
  }
  /** What receives webhooks. Needs a key with the scope `endpoints`, or `operate` for what creates and changes none. */
  readonly endpoints: EndpointsClient
}

export interface WatchOptions {
  readonly provider?: string
  /** Stops the iteration, without an error. */
  readonly signal?: AbortSignal
  /** The interval of polling, if the server has no streams. Default 2 seconds. */
  readonly pollEveryMs?: number
}

/** Requests are retried if the response has `Retry-After` or there is no response, up to `timeoutMs`. */
export function createClient(options: ConnectionOptions): AftersendClient {
  const post = async <T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> =>
    found(await request<T>(options, { method: 'POST', path, body, ...(headers && { headers }) }))
  const get = async <T>(path: string, query: object): Promise<T> =>
    found(await request<T>(options, { path: `${path}${queryText(query)}` }))
  const client: AftersendClient = {
    send: (email, { idempotencyKey = crypto.randomUUID() } = {}) =>
      post('/v1/emails/send', email, { 'idempotency-key': idempotencyKey }),
    register: (registration) => post('/v1/emails', registration),
    status: (id, { provider } = {}) => request(options, { path: emailPath(id, '', provider) }),
    watch: (id, watchOptions = {}) => watch(options, client, id, watchOptions),
    isSuppressed: async (address) => (await client.checkSuppressions([address]))[0]?.suppressed === true,
    checkSuppressions: async (addresses) =>
      (await post<{ data: Suppression[] }>('/v1/suppressions/check', { addresses })).data,
    emails: { list: (query = {}) => get('/v1/emails', query) },
    analytics: {
      summary: (query = {}) => get('/v1/analytics/summary', query),
      breakdown: (query) => get('/v1/analytics/breakdown', query),
    },
    domains: {
      list: (query = {}) => get('/v1/domains', query),
      get: (domain, query = {}) => get(`/v1/domains/${encodeURIComponent(domain)}`, query),
    },
    recipients: { lookup: (address, page = {}) => post('/v1/recipients/lookup', { address, ...page }) },
    channels: {
      list: async () => (await get<{ data: Channel[] }>('/v1/channels', {})).data,
      test: async (name) =>
        found(
          await request<Channel | null>(options, {
            ...{ method: 'POST', isRepeatable: false },
            ...{ path: `/v1/channels/${encodeURIComponent(name)}/test`, body: {} },
          }),
        ),
    },
    endpoints: createEndpointsClient(options),
  }
  return client
}

/** `{ metadata: { order: '4711' } }` becomes `metadata[order]=4711`. */
function queryText(query: object): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([key, one]) => [`${name}[${key}]`, one])
      : [[name, value]],
  )
  const given = pairs.filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

const emailPath = (id: string, below: string, provider: string | undefined): string => {
  const query = provider === undefined ? '' : `?provider=${encodeURIComponent(provider)}`
  return `/v1/emails/${encodeURIComponent(id)}${below}${query}`
}

async function* watch(
  options: ConnectionOptions,
  client: AftersendClient,
  id: string,
  { provider, signal, pollEveryMs = 2_000 }: WatchOptions,
): AsyncGenerator<Email> {
  const stopped = new AbortController()
  const ended = signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal
  const messages = follow(options, { path: emailPath(id, '/stream', provider), signal: ended })
  try {
    for (;;) {
      const { done, value } = await messages.next()
      if (done && value) return
      if (done) break
      if (value.event === 'email') yield JSON.parse(value.data) as Email
    }
    yield* poll(client, id, provider, ended, pollEveryMs)
  } finally {
    stopped.abort()
    await messages.return(true)
  }
}

/** For a server without streams. */
async function* poll(
  client: AftersendClient,
  id: string,
  provider: string | undefined,
  signal: AbortSignal,
  everyMs: number,
): AsyncGenerator<Email> {
  for (let before = ''; !signal.aborted; ) {
    const email = found(await client.status(id, { ...(provider !== undefined && { provider }) }))
    const json = JSON.stringify(email)
    if (json !== before) yield email
    before = json
    await pause(everyMs, signal).catch(() => {})
  }
}
