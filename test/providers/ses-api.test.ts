import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { emptySnapshot, foldEvents, type Snapshot, statusOf } from '../../src/domain/lifecycle.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import { ProviderRefusedError } from '../../src/providers/provider-api.ts'
import type { SampleBounce } from '../../src/providers/sample.ts'
import { createSesApi, type SesApi } from '../../src/providers/ses/api.ts'
import { generateSesTopic } from '../../src/providers/ses/sample.ts'
import { isSignedWith } from '../../src/stand-ins/aws-signature.ts'
import { type SesStandIn, startSesStandIn } from '../../src/stand-ins/ses.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'
import { asked } from './api-stand-in.ts'

/** `get-vanilla` of Amazon's test suite for signature version 4 (github.com/boto/botocore, tests/unit/auth/aws4_testsuite). */
const vanilla = {
  request: {
    ...{ method: 'GET', path: '/', query: new URLSearchParams(), body: '' },
    headers: {
      host: 'example.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, ' +
        'Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    },
  },
  credentials: {
    ...{ keyId: 'AKIDEXAMPLE', region: 'us-east-1', service: 'service' },
    secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  },
}

const id = '0102018f3c5e7a10-6d3f2b8a-1c4e-4f7b-9a2d-5e8c7b6a4f30-000000'
const email = { emailId: id, to: ['ada@example.com'], subject: 'Hello' }
const start = Date.UTC(2026, 10, 25, 12)

const bounces = {
  hard: { class: 'hard', code: '5.1.1', message: 'smtp; 550 5.1.1 user unknown', isOver: true },
  full: { class: 'soft', code: '4.2.2', message: 'smtp; 452 4.2.2 mailbox full', isOver: true },
  silent: { class: 'soft', code: null, message: null, isOver: true },
  delay: { class: 'soft', code: null, message: null, isOver: false },
} as const

const bounced = (bounce: SampleBounce) => ({ type: 'bounced', bounce }) as const

/** What happens to an email: each at most once, but delays. */
const histories = fc
  .record({
    soft: fc.constantFrom(bounces.full, bounces.silent),
    kept: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    delays: fc.nat(3),
    offsets: fc.uniqueArray(fc.nat(86_400_000), { minLength: 10, maxLength: 10 }),
  })
  .map(({ soft, kept, delays, offsets }) => {
    const types = (['sent', 'delivered', 'complained', 'opened', 'clicked'] as const).map((type) => ({ type }))
    const once = [...types, bounced(bounces.hard), bounced(soft)].filter((_, index) => kept[index])
    const all = [...once, ...Array.from({ length: delays }, () => bounced(bounces.delay))]
    return all.map((event, index) => ({ ...event, recipient: 'ada@example.com', at: start + (offsets[index] ?? 0) }))
  })

/** What a webhook and an answer must agree on. An answer does not say why there is a delay. */
function factsOf({ emailId, type, occurredAt, recipient, to, subject, bounce: reported }: ReceivedEvent) {
  const bounce = reported?.isOver === false ? { ...reported, message: null, subWord: null } : reported
  return { emailId, type, occurredAt, recipient, to, subject, bounce, judged: bounce && judgeBounce(bounce) }
}

const withoutEventIds = (snapshot: Snapshot): unknown => ({
  ...JSON.parse(JSON.stringify(snapshot, (name, value) => (name === 'eventId' ? undefined : value))),
  status: statusOf(snapshot),
})

const byTime = (a: ReceivedEvent, b: ReceivedEvent) => a.occurredAt - b.occurredAt

describe('the stand-in for Amazon', () => {
  it('verifies signatures as Amazon does', () => {
    assert.equal(isSignedWith(vanilla.credentials, vanilla.request), true)
    assert.equal(isSignedWith({ ...vanilla.credentials, secret: 'x' }, vanilla.request), false)
    assert.equal(isSignedWith(vanilla.credentials, { ...vanilla.request, path: '/x' }), false)
  })
})

describe('the API of Amazon SES', () => {
  let standIn: SesStandIn
  let api: SesApi
  let now = start

  const apiOf = (asking: SesStandIn, more: { apiKey?: string; region?: string; timeoutMs?: number } = {}) => {
    const { apiUrl, apiKey, keyId, region } = asking
    // Too little time for the second attempt, which comes after a second.
    return createSesApi({ apiUrl, apiKey, keyId, region, timeoutMs: 900, ...more })
  }

  // Making a key takes longer than all else here.
  const webhookSecret = generateSesTopic().signing
  const startStandIn = () => startSesStandIn({ pageSize: 2, clock: () => now, webhookSecret })

  beforeEach(async () => {
    now = start + 90_000_000
    standIn = await startStandIn()
    standIn.addEmail(email)
    api = apiOf(standIn)
  })
  afterEach(() => standIn.close())

  const sent = { type: 'sent', recipient: 'ada@example.com', at: start } as const
  const delivered = { type: 'delivered', recipient: 'ada@example.com', at: start + 1_250 } as const

  it('is asked by the ID of the email, with a signed request', async () => {
    standIn.addEvent(id, sent)
    standIn.addEvent(id, delivered)
    const events = await api.fetchEvents(asked(id))
    assert.equal(standIn.requests[0]?.path, `/v2/email/insights/${id}/`)
    assert.deepEqual(
      events.map(({ id: eventId, type, occurredAt }) => [eventId, type, occurredAt]),
      [
        [`reconcile:${id}:sent`, 'sent', start],
        [`reconcile:${id}:delivered`, 'delivered', start + 1_250],
      ],
    )
    for (const { payload } of events) assert.doesNotMatch(payload, /@/)
  })

  /** What the webhooks and the API report of an email with this history; the webhooks are received first. */
  async function reportsOf(history: readonly StandInEvent[]) {
    const own = await startStandIn()
    own.addEmail(email)
    for (const event of history) own.addEvent(id, event)
    const posted = own.webhooks().flatMap(({ headers, body }) => adapterOf('ses').parse(Buffer.from(body), 1, headers))
    const answer = await apiOf(own)
      .fetchEvents(asked(id))
      .finally(() => own.close())
    return { posted, answer }
  }

  it('reports what the webhooks report, opens and clicks apart, in the same words', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { posted, answer } = await reportsOf(history)
        const expected = posted.filter(({ type }) => type !== 'opened' && type !== 'clicked')
        assert.deepEqual(answer.sort(byTime).map(factsOf), expected.sort(byTime).map(factsOf))
        assert.equal(new Set(answer.map((event) => event.id)).size, answer.length)
      }),
      { numRuns: 40 },
    )
  })

  it('changes nothing where all webhooks have come', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const [posted, answer] = Object.values(await reportsOf(history)).map((events) =>
          events.map((one) => lifecycleEventOf(one)),
        )
        const before = foldEvents(emptySnapshot, posted ?? [])
        assert.deepEqual(withoutEventIds(foldEvents(before, answer ?? [])), withoutEventIds(before))
      }),
      { numRuns: 40 },
    )
  })

  it('gives an event the same ID in each answer, and shows later events when they are recorded', async () => {
    standIn.setFaults({ delayMs: 60_000 })
    standIn.addEvent(id, { ...sent, at: now - 60_000 })
    standIn.addEvent(id, { ...delivered, at: now })
    const first = await api.fetchEvents(asked(id))
    now += 60_000
    const second = await api.fetchEvents(asked(id))
    assert.deepEqual([first.map(({ type }) => type), second.map(({ type }) => type)], [['sent'], ['sent', 'delivered']])
    assert.equal(first[0]?.id, second[0]?.id)
  })

  it('reports no events of an email that SES does not know, or that has several recipients', async () => {
    const to = ['ada@example.com', 'grace@example.com']
    standIn.addEmail({ emailId: 'two', to, subject: 'Hello' })
    standIn.addEvent('two', { ...sent, recipient: null })
    for (const emailId of ['unknown', 'two', 'with a space, % and ü', id]) {
      assert.deepEqual(await api.fetchEvents(asked(emailId)), [], emailId)
    }
  })

  it('says what to do where Virtual Deliverability Manager is off, although the answer looks like that of an unknown email', async () => {
    standIn.withoutInsights()
    await assert.rejects(api.fetchEvents(asked(id)), {
      name: 'ProviderRefusedError',
      message: /turn it on in the region SES_REGION/,
    })
  })

  it('refuses a wrong secret or region', async () => {
    for (const wrong of [{ apiKey: 'wrong' }, { region: 'us-east-1' }]) {
      await assert.rejects(apiOf(standIn, wrong).fetchEvents(asked(id)), ProviderRefusedError)
    }
  })

  it('leaves the wait of a rate limit to the caller', async () => {
    standIn.setFaults({ rateLimit: 0 })
    await assert.rejects(api.fetchEvents(asked(id)), {
      name: 'ProviderUnreachableError',
      isRateLimited: true,
      retryAfterMs: 1_000,
    })
  })

  it('is asked again after a failure, with a new signature', async () => {
    standIn.addEvent(id, sent)
    await api.fetchEvents(asked(id))
    standIn.setFaults({ failEvery: 2 })
    assert.equal((await apiOf(standIn, { timeoutMs: 8_000 }).fetchEvents(asked(id))).length, 1)
    assert.equal(standIn.requests.length, 3)
    assert.notEqual(standIn.requests[1]?.headers.authorization, standIn.requests[2]?.headers.authorization)
  })

  it('lists the suppressed addresses page by page', async () => {
    standIn.suppress('Ada@Example.com', 'hard_bounce')
    standIn.suppress('grace@example.com', 'complaint')
    standIn.suppress('joan@example.com', 'hard_bounce')
    const { read, requestsPerSecond } = api.suppressionLists
    const first = await read(null)
    assert.deepEqual(first.entries, [
      { address: 'ada@example.com', reason: 'hard_bounce', since: now },
      { address: 'grace@example.com', reason: 'complaint', since: now },
    ])
    const second = await read(first.next)
    assert.deepEqual(
      [second.entries.map(({ address }) => address), second.next, requestsPerSecond],
      [['joan@example.com'], null, 1],
    )
    await assert.rejects(read('expired'), { name: 'ProviderUnreachableError', message: /read it from its start/ })
  })
})
