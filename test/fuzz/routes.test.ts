import assert from 'node:assert/strict'
import Router from '@koa/router'
import fc from 'fast-check'
import { createEventStreams } from '../../src/api/event-streams.ts'
import { createDashboard } from '../../src/dashboard/dashboard.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createChangeFeed } from '../../src/live/change-feed.ts'
import type { ProviderApi } from '../../src/providers/provider.ts'
import { CommandRefusedError } from '../../src/temporal/lives.ts'
import { apiKey, LivesInMemory, quietMetrics, type Served, serve } from '../api/served.ts'
import { isLong } from '../faults/form.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { awkwardText, awkwardValue, headerText, junkBytes, objectOf } from './arbitrary-requests.ts'
import { bytesInUse } from './memory.ts'
import { RawClient, type RawRequest } from './raw-client.ts'

const runs = isLong ? 40_000 : 1_600
const atOnce = 4

/** Names that routes look at, those of all routes together. */
const fields = [
  ...['id', 'to', 'from', 'subject', 'html', 'text', 'headers', 'priority', 'tags', 'provider', 'status', 'address'],
  ...['addresses', 'reason', 'by', 'for', 'until', 'events', 'filter', 'type', 'recipient', 'key', 'return_to'],
]
const queries = [
  ...['status', 'priority', 'recipient', 'cursor', 'limit', 'provider', 'tag', 'type', 'state', 'reason', 'from', 'to'],
  ...['includeRemoved', 'bucket', 'by', 'domain', 'q', 'since', 'lastEventId', 'dryRun', 'format'],
]

/** Sends nothing, and answers at once. */
const providerApi: ProviderApi = {
  idempotencyWindowMs: null,
  fetchEvents: async () => [],
  send: async () => ({ emailId: 'em_sent' }),
  registerWebhook: async () => Promise.reject(new Error('not asked for')),
  listWebhooks: async () => [],
}

interface Place {
  readonly method: string
  /** With `:name` for what varies. */
  readonly path: string
}

describe('fuzz: every route of the API', function () {
  this.timeout(isLong ? 600_000 : 90_000)
  let database: TestDatabase
  let inbox: RunningInbox
  let served: Served
  let client: RawClient
  let places: Place[]

  before(async () => {
    database = await testDatabase()
    const { db } = database
    const lives = new LivesInMemory()
    lives.answer = () => Promise.reject(new CommandRefusedError('it is resolved already'))
    inbox = createInbox({ db, lives, metrics: quietMetrics(), log: quietLog })
    const parts = {
      ...{ db, inbox, lives, apiKeys: [apiKey], log: quietLog },
      providerApis: new Map([['aisend', providerApi]]),
      webhooks: new Map(),
      // Hears no ring: what changes is looked for now and then.
      changes: createChangeFeed({ db, listen: () => ({ close: async () => {} }), log: quietLog }),
      streams: createEventStreams(),
    }
    places = await placesOf(async () => {
      const dashboard = createDashboard({ ...parts, supportChannels: [], webUi: null })
      served = await serve({ ...parts, dashboard })
    })
    client = new RawClient(served.port)
  })
  after(async () => {
    client.close()
    await served.stop()
    await inbox.close()
    await database.drop()
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
  const request = (place: Place): fc.Arbitrary<RawRequest> =>
    fc
      .tuple(fc.array(part, { minLength: 3, maxLength: 3 }), query, body, headers)
      .map(([parts, asked, sent, given]) => ({
        method: place.method,
        path: `${pathOf(place, parts)}?${asked}`,
        headers: given,
        body: place.method === 'GET' || place.method === 'HEAD' ? null : sent,
      }))

  it(`answers whatever is sent, never with 5xx, and errors as problems (${runs} cases)`, async () => {
    assert.ok(places.length > 25, `found ${places.length} routes`)
    const perPlace = Math.ceil(runs / places.length / atOnce)
    const answered = new Map<number, number>()
    const run = async (numRuns: number) => {
      for (const place of places) {
        const property = fc.asyncProperty(request(place), async (sent) => {
          const { status, type, text } = await client.send(sent)
          answered.set(status, (answered.get(status) ?? 0) + 1)
          assert.ok(status < 500, `${status} to ${sent.method} ${sent.path}: ${text}`)
          if (status >= 400 && !/html|csv/.test(type)) assert.match(type, /^application\/problem\+json/)
        })
        await Promise.all(Array.from({ length: atOnce }, () => fc.assert(property, { numRuns, endOnFailure: true })))
      }
    }
    await run(Math.ceil(perPlace / 10))
    const before = bytesInUse()
    await run(perPlace)
    const grown = bytesInUse() - before
    const sums = [...answered].sort().map(([status, count]) => `${count} × ${status}`)
    console.log(`      ${places.length} routes: ${sums.join(', ')}; memory grew by ${(grown / 2 ** 20).toFixed(1)} MiB`)
    assert.ok(grown < 50 * 2 ** 20)
    assert.ok((answered.get(200) ?? 0) > 0)
  })
})

const pathOf = ({ path }: Place, parts: readonly string[]): string => {
  let next = 0
  return path.replaceAll(/:\w+/g, () => parts[next++] || 'x')
}

/** Every route that is added to any router while `create` runs. */
async function placesOf(create: () => Promise<void>): Promise<Place[]> {
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
  const places = layers.flatMap(({ methods, path }) => methods.map((method) => ({ method, path: String(path) })))
  return [...new Map(places.map((place) => [`${place.method} ${place.path}`, place])).values()]
}
