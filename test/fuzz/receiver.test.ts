import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import type { ProviderEntry } from '../../src/providers/provider.ts'
import { createWebhookSources, providers } from '../../src/providers/registry.ts'
import { type Served, serve } from '../api/served.ts'
import { isLong } from '../faults/form.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { awkwardText, headerText, junkBytes, objectOf } from './arbitrary-requests.ts'
import { bytesInUse } from './memory.ts'
import { RawClient, type RawRequest } from './raw-client.ts'

const runs = isLong ? 60_000 : 2_100
/** Properties that run concurrently, so that requests of several kinds meet in the server. */
const atOnce = 4

/** Names of fields that the adapters of all providers read. */
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

/** The signatures of Mailgun and of SNS, also Scaleway’s, are fields of the body, which must be parsed to verify them. */
const isSignedOutside = ({ path }: RawRequest): boolean => !/mailgun|ses$|scaleway/.test(path)

describe('fuzz: the receiver', function () {
  this.timeout(isLong ? 600_000 : 90_000)
  const secrets = new Map(providers.map((entry) => [entry.name, entry.generateSecret()]))
  /** Unknown to the receiver. */
  const otherSecrets = new Map(providers.map((entry) => [entry.name, entry.generateSecret()]))
  const sign = (entry: ProviderEntry, text: string, by: typeof secrets) =>
    entry.sign(text, by.get(entry.name)?.signing ?? '', Date.now())
  const signingHeaders = providers.flatMap((entry) => Object.keys(sign(entry, '{}', secrets).headers))
  const database = useDatabase()
  let inbox: RunningInbox
  let served: Served
  let client: RawClient

  before(async () => {
    const accepted = new Map([...secrets].map(([name, secret]) => [name, [secret.accepted]]))
    const noNetwork: typeof fetch = () => Promise.reject(new Error('no network in tests'))
    const webhooks = createWebhookSources(accepted, { clock: Date.now, fetch: noNetwork, tokens: tokensInMemory() })
    const emailWorkflows = { signal: async () => {} }
    const { metrics } = await serve()
    inbox = createInbox({ db: database.db, emailWorkflows, metrics, log: quietLog })
    served = await serve({ db: database.db, inbox, webhooks, log: quietLog })
    client = new RawClient(served.port)
  })
  after(async () => {
    client.close()
    await served.stop()
    await inbox.close()
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

  /** Signed for other bytes, or with invalid headers. */
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

  it(`answers signed requests with 200, 400 or 406, never with 500 (${runs} cases with those below)`, async () => {
    // 406 ends the repeats of Mailgun.
    await holds(signed, 0.1, [200, 400, 401, 406])
    const before = bytesInUse()
    await holds(signed, 0.5, [200, 400, 401, 406])
    const grown = bytesInUse() - before
    console.log(`      memory grew by ${(grown / 2 ** 20).toFixed(1)} MiB`)
    assert.ok(grown < 50 * 2 ** 20)
    assert.ok((await database.db.event.count()) > 0, 'some of it was an event')
  })

  it('answers unsigned requests with 401, a form of Mailgun’s old webhooks with 406, and unknown paths with 404 or 405', async () => {
    const events = await database.db.event.count()
    await holds(unsigned, 0.3, [400, 401, 406])
    await holds(misplaced, 0.1, [400, 401, 404, 406, 405, 501])
    assert.equal(await database.db.event.count(), events)
  })

  it('passes no unsigned byte to JSON.parse, unless the signature is inside the JSON', async () => {
    // Generated before, since signing parses JSON too.
    const [forged, genuine] = [unsigned, signed].map((requests) =>
      fc.sample(requests.filter(isSignedOutside), Math.ceil(runs / 20)),
    )
    const answers: number[] = []
    const sendAll = async (requests: readonly RawRequest[] = []) => {
      for (const request of requests) answers.push((await client.send(request)).status)
    }
    // The relay may parse JSON at the same time.
    const parsedOf = async (requests: readonly RawRequest[] = []) => {
      const bodies = new Set(requests.map(({ body }) => body?.toString('utf8')))
      return (await parsedDuring(() => sendAll(requests))).filter((text) => bodies.has(text))
    }
    assert.deepEqual(await parsedOf(forged), [])
    assert.deepEqual([...new Set(answers)], [401])
    assert.ok((await parsedOf(genuine)).length > 0, 'the spy sees parsed texts')
  })
})

/** The texts passed to JSON.parse while `work` runs. */
async function parsedDuring(work: () => Promise<unknown>): Promise<string[]> {
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
