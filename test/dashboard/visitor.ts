/** A client that behaves as a browser: it stores cookies, and posts forms with the Origin of the dashboard. */

import { createDashboard, type DashboardDependencies } from '../../src/dashboard/dashboard.ts'
import type { Database } from '../../src/db/database.ts'
import { createEventStreams } from '../../src/http/event-streams.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { apiKey, EmailWorkflowsInMemory, InboxInMemory, type Served, serve, webhookSecret } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { standIn } from '../stack.ts'

export interface Visited {
  readonly served: Served
  readonly dashboard: ReturnType<typeof createDashboard>
  readonly inbox: InboxInMemory
  readonly emailWorkflows: EmailWorkflowsInMemory
  stop(): Promise<void>
}

/** The API with its dashboard on a port. */
export async function serveDashboard(
  overrides: Partial<DashboardDependencies> & { readonly db: Database },
  port?: number,
): Promise<Visited> {
  const [inbox, emailWorkflows] = [new InboxInMemory(), new EmailWorkflowsInMemory()]
  const webhooks = new Map([['aisend', { provider: aisend, secrets: [webhookSecret] }]])
  const dashboard = createDashboard({
    inbox,
    emailWorkflows,
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
  const served = await serve({ db: overrides.db, dashboard }, port)
  return { served, dashboard, inbox, emailWorkflows, stop: () => served.stop() }
}

/** The dashboard, served anew for each test of the suite to a visitor who is signed in. To be called in `describe`. */
export function useDashboard(parts: () => Parameters<typeof serveDashboard>[0]) {
  let visited: Visited
  let visitor: Visitor
  beforeEach(async () => {
    visited = await serveDashboard(parts())
    visitor = new Visitor(visited.served)
    await visitor.signIn()
  })
  afterEach(() => visited.stop())
  return { visited: standIn(() => visited), visitor: standIn(() => visitor) }
}

export class Visitor {
  cookie = ''
  readonly #url: string

  constructor({ url }: Pick<Served, 'url'>) {
    this.#url = url
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#storeCookie(
      await fetch(this.#url + path, { redirect: 'manual', headers: { cookie: this.cookie, ...headers } }),
    )
  }

  head = (path: string): Promise<Response> =>
    fetch(this.#url + path, { method: 'HEAD', headers: { cookie: this.cookie } })

  /** The page's HTML. */
  html = async (path: string): Promise<string> => (await this.get(path)).text()

  post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
    this.#send(path, new URLSearchParams(fields), headers)

  /** A form with fields that occur several times. */
  postForm = (path: string, fields: URLSearchParams): Promise<Response> => this.#send(path, fields, {})

  upload = (path: string, file: string): Promise<Response> => this.uploadFiles(path, { 'addresses.csv': file })

  /** By name. */
  uploadFiles(path: string, files: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>): Promise<Response> {
    const form = new FormData()
    for (const [name, content] of Object.entries(files)) form.append('file', new Blob([content]), name)
    return this.#send(path, form, {})
  }

  signIn = (fields: Record<string, string> = {}): Promise<Response> =>
    this.post('/sign-in', { key: apiKey, name: 'grace', ...fields })

  async #send(path: string, body: FormData | URLSearchParams, headers: Record<string, string>): Promise<Response> {
    const from = { cookie: this.cookie, origin: this.#url, ...headers }
    return this.#storeCookie(await fetch(this.#url + path, { method: 'POST', redirect: 'manual', headers: from, body }))
  }

  #storeCookie(response: Response): Response {
    for (const set of response.headers.getSetCookie()) {
      const [pair = ''] = set.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const others = this.cookie.split('; ').filter((known) => known !== '' && !known.startsWith(`${name}=`))
      this.cookie = [...(set.includes('Max-Age=0;') ? [] : [pair]), ...others].join('; ')
    }
    return response
  }
}
