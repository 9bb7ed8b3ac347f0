/** A person with a browser, as far as HTTP shows: cookies kept, forms posted from our own pages. */
import { createEventStreams } from '../../src/api/event-streams.ts'
import { createDashboard, type DashboardDependencies } from '../../src/dashboard/dashboard.ts'
import type { Database } from '../../src/db/database.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import { aisend } from '../../src/providers/aisend.ts'
import { apiKey, InboxInMemory, LivesInMemory, type Served, serve, webhookSecret } from '../api/served.ts'
import { quietLog } from '../quiet.ts'

export interface Visited {
  readonly served: Served
  readonly inbox: InboxInMemory
  readonly lives: LivesInMemory
  stop(): Promise<void>
}

/** The API with its dashboard on a port. */
export async function serveDashboard(
  overrides: Partial<DashboardDependencies> & { readonly db: Database },
): Promise<Visited> {
  const [inbox, lives] = [new InboxInMemory(), new LivesInMemory()]
  const webhooks = new Map([['aisend', { provider: aisend, secrets: [webhookSecret] }]])
  const dashboard = createDashboard({
    inbox,
    lives,
    webhooks,
    providerApis: new Map(),
    changes: createChangeFeed({ db: overrides.db, listen: () => ({ close: async () => {} }), log: quietLog }),
    streams: createEventStreams(),
    supportChannels: [],
    apiKeys: [apiKey],
    webUi: { url: 'http://temporal.example', namespace: 'default' },
    log: quietLog,
    ...overrides,
  })
  const served = await serve({ db: overrides.db, dashboard })
  return { served, inbox, lives, stop: () => served.stop() }
}

export class Visitor {
  cookie = ''
  readonly #url: string

  constructor({ url }: Pick<Served, 'url'>) {
    this.#url = url
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#keep(
      await fetch(this.#url + path, { redirect: 'manual', headers: { cookie: this.cookie, ...headers } }),
    )
  }

  head = (path: string): Promise<Response> =>
    fetch(this.#url + path, { method: 'HEAD', headers: { cookie: this.cookie } })

  /** The page's HTML. */
  html = async (path: string): Promise<string> => (await this.get(path)).text()

  post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
    this.#send(path, new URLSearchParams(fields), headers)

  upload(path: string, file: string): Promise<Response> {
    const form = new FormData()
    form.set('file', new Blob([file], { type: 'text/csv' }), 'addresses.csv')
    return this.#send(path, form, {})
  }

  signIn = (fields: Record<string, string> = {}): Promise<Response> =>
    this.post('/sign-in', { key: apiKey, name: 'grace', ...fields })

  async #send(path: string, body: FormData | URLSearchParams, headers: Record<string, string>): Promise<Response> {
    const from = { cookie: this.cookie, origin: this.#url, ...headers }
    return this.#keep(await fetch(this.#url + path, { method: 'POST', redirect: 'manual', headers: from, body }))
  }

  #keep(response: Response): Response {
    const set = response.headers.getSetCookie()[0]
    if (set !== undefined) this.cookie = set.split(';')[0] ?? ''
    return response
  }
}
