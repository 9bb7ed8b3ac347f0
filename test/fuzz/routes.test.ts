import assert from 'node:assert/strict'
import Router from '@koa/router'
import fc from 'fast-check'
import { createDashboard } from '../../src/dashboard/dashboard.ts'
import { createEventStreams } from '../../src/http/event-streams.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import type { ProviderApi } from '../../src/providers/provider-api.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { apiKey, EmailWorkflowsInMemory, quietMetrics, type Served, serve } from '../api/served.ts'
import { isLong } from '../faults/form.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { awkwardText, awkwardValue, headerText, junkBytes, objectOf } from './arbitrary-requests.ts'
import { bytesInUse } from './memory.ts'
import { RawClient, type RawRequest } from './raw-client.ts'

const runs = isLong ? 40_000 : 1_600
const atOnce = 4

/** Names of fields that the routes read. */
const fields = [
  ...['id', 'to', 'from', 'subject', 'html', 'text', 'headers', 'priority', 'tags', 'provider', 'status', 'address'],
  ...['addresses', 'reason', 'by', 'for', 'until', 'events', 'filter', 'type', 'recipient', 'key', 'return_to'],
]
const queries = [
  ...['status', 'priority', 'recipient', 'cursor', 'limit', 'provider', 'tag', 'type', 'state', 'reason', 'from', 'to'],
  ...['includeRemoved', 'bucket', 'by', 'domain', 'q', 'since', 'lastEventId', 'dryRun', 'format'],
]

const providerApi: ProviderApi = {
  fetchEvents: async () => [],
  sending: { idempotencyWindowMs: null, send: async () => ({ emailId: 'em_sent' }) },
}

interface Endpoint {
  readonly method: string
  /** With `:name` for parameters. */
  readonly path: string
}

describe('fuzz: every route of the API', function () {
  this.timeout(isLong ? 600_000 : 90_000)
  const database = useDatabase()
  let inbox: RunningInbox
  let served: Served
  let client: RawClient
  let endpoints: Endpoint[]

  before(async () => {
    const { db } = database
    const emailWorkflows = new EmailWorkflowsInMemory()
    emailWorkflows.answer = () => Promise.reject(new CommandRefusedError('it is resolved already'))
    inbox = createInbox({ db, emailWorkflows, metrics: quietMetrics(), log: quietLog })
    const parts = {
      ...{ db, inbox, emailWorkflows, apiKeys: [apiKey], log: quietLog },
      providerApis: new Map([['aisend', providerApi]]),
      webhooks: new Map(),
      // Without notifications: polls.
      changes: createChangeFeed({ db, listen: () => ({ close: async () => {} }), log: quietLog }),
      streams: createEventStreams(),
    }
    endpoints = await endpointsOf(async () => {
      const dashboard = createDashboard({ ...parts, supportChannels: [], webUi: null })
      served = await serve({ ...parts, dashboard })
    })
    client = new RawClient(served.port)
  })
  after(async () => {
    client.close()
    await served.stop()
    await inbox.close()
  })

  const encoded = awkwardText.map((text) => encodeURIComponent(text.toWellFormed()))
  const part = fc.oneof({ weight: 5, arbitrary: encoded }, { weight: 1, arbitrary: fc.constantFrom('%', '%ff', '%00') })
  const query = fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...queries), encoded), part), { maxLength: 4 })
    .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&'))
  const body = fc.oneof(
    objectOf(fields).map((object) => Buffer.from(JSON.stringify(object))),
    awkwardValue.map((value) => Buffer.from(JSON.stringify(value))),
    junkBytes,
  )
  const headers = fc.record(
    {
      authorization: fc.oneof(
        { weight: 9, arbitrary: fc.constant(`Bearer ${apiKey}`) },
        { weight: 1, arbitrary: headerText },
      ),
      'content-type': fc.oneof(
        { weight: 8, arbitrary: fc.constant('application/json') },
        {
          weight: 2,
          arbitrary: fc.oneof(headerText, fc.constantFrom('text/csv', 'application/x-www-form-urlencoded')),
        },
      ),
      'idempotency-key': headerText,
      'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
      'last-event-id': headerText,
      cookie: headerText,
      accept: fc.constantFrom('text/html', 'text/csv', 'application/json', '*/*'),
      'hx-request': fc.constant('true'),
    },
    { requiredKeys: ['authorization', 'content-type'] },
  )
  const request = (endpoint: Endpoint): fc.Arbitrary<RawRequest> =>
    fc
      .tuple(fc.array(part, { minLength: 3, maxLength: 3 }), query, body, headers)
      .map(([parts, search, sent, given]) => ({
        method: endpoint.method,
        path: `${pathOf(endpoint, parts)}?${search}`,
        headers: given,
        body: endpoint.method === 'GET' || endpoint.method === 'HEAD' ? null : sent,
      }))

  it(`never answers with 5xx, and answers errors as problems (${runs} cases)`, async () => {
    assert.ok(endpoints.length > 25, `found ${endpoints.length} routes`)
    const perEndpoint = Math.ceil(runs / endpoints.length / atOnce)
    const answered = new Map<number, number>()
    const run = async (numRuns: number) => {
      for (const endpoint of endpoints) {
        const property = fc.asyncProperty(request(endpoint), async (sent) => {
          const { status, type, text } = await client.send(sent)
          answered.set(status, (answered.get(status) ?? 0) + 1)
          assert.ok(status < 500, `${status} to ${sent.method} ${sent.path}: ${text}`)
          if (status >= 400 && !/html|csv/.test(type)) assert.match(type, /^application\/problem\+json/)
        })
        await Promise.all(Array.from({ length: atOnce }, () => fc.assert(property, { numRuns, endOnFailure: true })))
      }
    }
    await run(Math.ceil(perEndpoint / 10))
    const before = bytesInUse()
    await run(perEndpoint)
    const grown = bytesInUse() - before
    const sums = [...answered].sort().map(([status, count]) => `${count} × ${status}`)
    console.log(
      `      ${endpoints.length} routes: ${sums.join(', ')}; memory grew by ${(grown / 2 ** 20).toFixed(1)} MiB`,
    )
    assert.ok(grown < 50 * 2 ** 20)
    assert.ok((answered.get(200) ?? 0) > 0)
  })
})

const pathOf = ({ path }: Endpoint, parts: readonly string[]): string => {
  let next = 0
  return path.replaceAll(/:\w+/g, () => parts[next++] || 'x')
}

/** Every route added to any router while `create` runs. */
async function endpointsOf(create: () => Promise<void>): Promise<Endpoint[]> {
  const routers = new Set<Router>()
  const { register } = Router.prototype
  Router.prototype.register = function (this: Router, ...route: Parameters<typeof register>) {
    routers.add(this)
    return register.apply(this, route)
  } as typeof register
  try {
    await create()
  } finally {
    Router.prototype.register = register
  }
  const layers = [...routers].flatMap(({ stack }) => stack).filter(({ methods }) => methods.length > 0)
  const endpoints = layers.flatMap(({ methods, path }) => methods.map((method) => ({ method, path: String(path) })))
  return [...new Map(endpoints.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint])).values()]
}
