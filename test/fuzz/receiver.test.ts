import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createWebhookSources, type ProviderEntry, providers } from '../../src/providers/registry.ts'
import { type Served, serve } from '../api/served.ts'
import { isLong } from '../faults/form.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { awkwardText, headerText, junkBytes, objectOf } from './arbitrary-requests.ts'
import { bytesInUse } from './memory.ts'
import { RawClient, type RawRequest } from './raw-client.ts'

const runs = isLong ? 60_000 : 2_100
/** Properties that run at once, so that requests of several kinds meet in the server. */
const atOnce = 4

/** Names of fields that adapters look at, those of all providers together. */
const fields = [
  ...['id', 'type', 'event', 'event_type', 'event_id', 'created_at', 'createdAt', 'timestamp', 'data', 'metadata'],
  ...['email_id', 'emailId', 'to', 'recipient', 'email', 'subject', 'bounce', 'reason', 'code', 'status', 'message'],
  ...[
    'sg_message_id',
    'sg_event_id',
    'smtp-id',
    'useragent',
    'user_agent',
    'RecordType',
    'MessageID',
    'Recipient',
    'ID',
  ],
  ...['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'TypeCode', 'headers', 'severity', 'delivery-status', 'client-info'],
  ...['eventType', 'notificationType', 'mail', 'delivery', 'complaint', 'open', 'click', 'messageId', 'destination'],
]

/** Mailgun's signature is a field of the body, and Amazon SNS's too: both must be read to be checked. */
const isSignedOutside = ({ path }: RawRequest): boolean => !/mailgun|ses/.test(path)

describe('fuzz: the receiver', function () {
  this.timeout(isLong ? 600_000 : 90_000)
  const secrets = new Map(providers.map((entry) => [entry.name, entry.generate()]))
  /** Of which the receiver knows nothing. */
  const otherSecrets = new Map(providers.map((entry) => [entry.name, entry.generate()]))
  const sign = (entry: ProviderEntry, text: string, by: typeof secrets) =>
    entry.sign(text, by.get(entry.name)?.signing ?? '', Date.now())
  const signingHeaders = providers.flatMap((entry) => Object.keys(sign(entry, '{}', secrets).headers))
  let database: TestDatabase
  let inbox: RunningInbox
  let served: Served
  let client: RawClient

  before(async () => {
    database = await testDatabase()
    const accepted = new Map([...secrets].map(([name, secret]) => [name, [secret.accepted]]))
    const noNetwork: typeof fetch = () => Promise.reject(new Error('no network in tests'))
    const webhooks = createWebhookSources(accepted, { clock: Date.now, fetch: noNetwork, tokens: tokensInMemory() })
    const lives = { signal: async () => {} }
    const { metrics } = await serve()
    inbox = createInbox({ db: database.db, lives, metrics, log: quietLog })
    served = await serve({ db: database.db, inbox, webhooks, log: quietLog })
    client = new RawClient(served.port)
  })
  after(async () => {
    client.close()
    await served.stop()
    await inbox.close()
    await database.drop()
  })

  const post = (path: string, headers: Readonly<Record<string, string>>, body: Buffer): RawRequest => ({
    method: 'POST',
    path: `/webhooks/${path}`,
    headers,
    body,
  })

  const provider = fc.constantFrom(...providers)
  const body = fc.oneof(
    objectOf(fields).map((object) => JSON.stringify(object)),
    fc.array(objectOf(fields), { maxLength: 3 }).map((objects) => JSON.stringify(objects)),
    junkBytes.map((bytes) => bytes.toString('utf8')),
  )

  const signed = fc.tuple(provider, body).map(([entry, text]) => {
    const request = sign(entry, text, secrets)
    return post(entry.name, request.headers, Buffer.from(request.body))
  })

  /** Signed for other bytes than are sent, or with headers that mean nothing. */
  const unsigned = fc
    .tuple(provider, body, junkBytes, fc.option(headerText), fc.constantFrom(...signingHeaders))
    .map(([entry, text, junk, header, name]) => {
      const { headers } = sign(entry, text, otherSecrets)
      return post(entry.name, header === null ? headers : { ...headers, [name]: header }, junk)
    })

  const misplaced = fc
    .tuple(awkwardText, fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD'), junkBytes)
    .map(([name, method, junk]) => ({ ...post(encodeURIComponent(name.toWellFormed()), {}, junk), method }))

  const holds = (requests: fc.Arbitrary<RawRequest>, share: number, allowed: readonly number[]) =>
    Promise.all(
      Array.from({ length: atOnce }, () =>
        fc.assert(
          fc.asyncProperty(requests, async (request) => {
            const { status, text } = await client.send(request)
            assert.ok(allowed.includes(status), `${status} to ${request.method} ${request.path}: ${text}`)
          }),
          { numRuns: Math.ceil((runs * share) / atOnce), endOnFailure: true },
        ),
      ),
    )

  it(`answers whatever is signed with 200 or 400, never with 500 (${runs} cases with those below)`, async () => {
    await holds(signed, 0.1, [200, 400, 401])
    const before = bytesInUse()
    await holds(signed, 0.5, [200, 400, 401])
    const grown = bytesInUse() - before
    console.log(`      memory grew by ${(grown / 2 ** 20).toFixed(1)} MiB`)
    assert.ok(grown < 50 * 2 ** 20)
    assert.ok((await database.db.event.count()) > 0, 'some of it was an event')
  })

  it('answers what is not signed with 401, and what is at no place with 404 or 405', async () => {
    const events = await database.db.event.count()
    await holds(unsigned, 0.3, [400, 401])
    await holds(misplaced, 0.1, [400, 401, 404, 405, 501])
    assert.equal(await database.db.event.count(), events)
  })

  it('gives no byte to JSON.parse that is not signed, where the signature is not itself in the JSON', async () => {
    // Made ahead, since signing reads JSON too.
    const [forged, genuine] = [unsigned, signed].map((requests) =>
      fc.sample(requests.filter(isSignedOutside), Math.ceil(runs / 20)),
    )
    const answers: number[] = []
    const sendAll = async (requests: readonly RawRequest[] = []) => {
      for (const request of requests) answers.push((await client.send(request)).status)
    }
    // The sweep parses settings of its own meanwhile.
    const parsedOf = async (requests: readonly RawRequest[] = []) => {
      const bodies = new Set(requests.map(({ body }) => body?.toString('utf8')))
      return (await whatIsParsed(() => sendAll(requests))).filter((text) => bodies.has(text))
    }
    assert.deepEqual(await parsedOf(forged), [])
    assert.deepEqual([...new Set(answers)], [401])
    assert.ok((await parsedOf(genuine)).length > 0, 'the spy sees what is parsed')
  })
})

/** What is given to JSON.parse while `work` runs. */
async function whatIsParsed(work: () => Promise<unknown>): Promise<string[]> {
  const { parse } = JSON
  const texts: string[] = []
  JSON.parse = (text, reviver) => {
    texts.push(text)
    return parse(text, reviver)
  }
  try {
    await work()
  } finally {
    JSON.parse = parse
  }
  return texts
}
