import { AftersendProblemError } from './errors.ts'
import { type ConnectionOptions, pause, request } from './request.ts'
import type { Email, NewEmail, Registration, Suppression } from './types.ts'
import { follow } from './watch.ts'

export interface AftersendClient {
  /**
   * Sends an email, unless a recipient is suppressed.
   * @param idempotencyKey the same request with the same key is sent once, however often it is made. Without one, it is
   * sent once for this call: also when the call has to be repeated inside.
   * @throws RecipientSuppressedError
   */
  send(email: NewEmail, options?: { readonly idempotencyKey?: string }): Promise<Email>
  /** Tells of an email that the application sent itself. Again with the same ID merges. */
  register(registration: Registration): Promise<Email>
  /** Where an email stands; null for one that nobody has spoken of. */
  status(id: string, options?: { readonly provider?: string }): Promise<Email | null>
  /**
   * The email now, and again whenever it changes, for as long as it is iterated.
   * @throws AftersendProblemError with status 404 for one that nobody has spoken of.
   */
  watch(id: string, options?: WatchOptions): AsyncIterable<Email>
  /** Whether an address must not be written to. */
  isSuppressed(address: string): Promise<boolean>
  /** The same, with reasons, for up to 1,000 addresses: one entry each, in their order. */
  checkSuppressions(addresses: readonly string[]): Promise<readonly Suppression[]>
}

export interface WatchOptions {
  readonly provider?: string
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal
  /** How often an Aftersend without streams is asked. Default 2 seconds. */
  readonly pollEveryMs?: number
}

/** All requests are tried again while Aftersend says `Retry-After` or does not answer, up to `timeoutMs`. */
export function createClient(options: ConnectionOptions): AftersendClient {
  const post = async <T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> =>
    found(await request<T>(options, { method: 'POST', path, body, ...(headers && { headers }) }))
  const client: AftersendClient = {
    send: (email, { idempotencyKey = crypto.randomUUID() } = {}) =>
      post('/v1/emails/send', email, { 'idempotency-key': idempotencyKey }),
    register: (registration) => post('/v1/emails', registration),
    status: (id, { provider } = {}) => request(options, { path: emailPath(id, '', provider) }),
    watch: (id, watchOptions = {}) => watch(options, client, id, watchOptions),
    isSuppressed: async (address) => (await client.checkSuppressions([address]))[0]?.suppressed === true,
    checkSuppressions: async (addresses) =>
      (await post<{ data: Suppression[] }>('/v1/suppressions/check', { addresses })).data,
  }
  return client
}

const emailPath = (id: string, below: string, provider: string | undefined): string => {
  const query = provider === undefined ? '' : `?provider=${encodeURIComponent(provider)}`
  return `/v1/emails/${encodeURIComponent(id)}${below}${query}`
}

function found<T>(answer: T | null): T {
  if (answer !== null) return answer
  throw notFound()
}

const notFound = () =>
  new AftersendProblemError({ type: 'about:blank', title: 'Not Found', status: 404, detail: 'nothing is there' })

async function* watch(
  options: ConnectionOptions,
  client: AftersendClient,
  id: string,
  { provider, signal, pollEveryMs = 2_000 }: WatchOptions,
): AsyncGenerator<Email> {
  const left = new AbortController()
  const ended = signal ? AbortSignal.any([signal, left.signal]) : left.signal
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
    left.abort()
    await messages.return(true)
  }
}

/** For an Aftersend that has no streams. */
async function* poll(
  client: AftersendClient,
  id: string,
  provider: string | undefined,
  signal: AbortSignal,
  everyMs: number,
): AsyncGenerator<Email> {
  for (let seen = ''; !signal.aborted; ) {
    const email = found(await client.status(id, { ...(provider !== undefined && { provider }) }))
    const told = JSON.stringify(email)
    if (told !== seen) yield email
    seen = told
    await pause(everyMs, signal).catch(() => {})
  }
}
