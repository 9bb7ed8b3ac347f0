import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createAisendApi } from '../../src/providers/aisend/api.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { startAisendStandIn } from '../../src/stand-ins/aisend.ts'
import { type ApiStandIn, asked, startApiStandIn } from './api-stand-in.ts'

describe('the AISend API', () => {
  let standIn: ApiStandIn

  beforeEach(async () => {
    standIn = await startApiStandIn()
  })
  afterEach(() => standIn.close())

  const apiWithin = (timeoutMs = 2_000) => createAisendApi({ apiUrl: standIn.apiUrl, apiKey: 'key-7', timeoutMs })
  const fetchEvents = (emailId = 'em_1') => apiWithin().fetchEvents(asked(emailId))
  const answerWith = (email: unknown) => standIn.answerWith(200, email)

  const facts = async () =>
    (await fetchEvents()).map(({ id, type, occurredAt }) => ({ id, type, at: new Date(occurredAt).toISOString() }))

  it('asks for the email by its escaped ID, with the key', async () => {
    answerWith({ status: 'sent' })
    await fetchEvents('em/1 ü?x')
    assert.equal(standIn.requests[0]?.url, '/v1/emails/em%2F1%20%C3%BC%3Fx')
    assert.equal(standIn.requests[0]?.headers.authorization, 'Bearer key-7')
  })

  it('reports an event for each time, with the same IDs in every answer', async () => {
    answerWith({
      id: 'em_1',
      status: 'delivered',
      queued_at: '2026-11-24T09:00:00Z',
      sent_at: '2026-11-24T09:00:01Z',
      delivered_at: '2026-11-24T09:00:02.500Z',
      opened_at: '2026-11-24T09:10:00Z',
    })
    const first = await facts()
    assert.deepEqual(first, [
      { id: 'reconcile:em_1:queued', type: 'queued', at: '2026-11-24T09:00:00.000Z' },
      { id: 'reconcile:em_1:sent', type: 'sent', at: '2026-11-24T09:00:01.000Z' },
      { id: 'reconcile:em_1:delivered', type: 'delivered', at: '2026-11-24T09:00:02.500Z' },
    ])
    assert.deepEqual(await facts(), first)
  })

  it('reads the nested, camel-case form with epoch seconds', async () => {
    answerWith({ data: { status: 'email.sent', sentAt: 1_795_000_000, sendingAt: 1_794_999_999_000 } })
    assert.deepEqual(
      (await facts()).map(({ type, at }) => [type, at]),
      [
        ['sending', new Date(1_794_999_999_000).toISOString()],
        ['sent', new Date(1_795_000_000_000).toISOString()],
      ],
    )
  })

  for (const status of ['delivered', 'email.delivered', 'OPENED', 'clicked']) {
    it(`reads a delivery from the status ${status} alone, at the time of the status`, async () => {
      answerWith({ status, updated_at: '2026-11-24T09:00:03Z' })
      assert.deepEqual(await facts(), [
        { id: 'reconcile:em_1:delivered', type: 'delivered', at: '2026-11-24T09:00:03.000Z' },
      ])
    })
  }

  it('uses its own clock where the time is missing or unreadable', async () => {
    answerWith({ status: 'complained', complained_at: 'yesterday', delivered_at: null })
    const before = Date.now()
    const [event, ...others] = await fetchEvents()
    assert.equal(event?.type, 'complained')
    assert.ok(event.occurredAt >= before && event.occurredAt <= Date.now())
    assert.deepEqual(others, [])
  })

  it('classifies a bounce, copies its code and message, and takes no status for a code', async () => {
    answerWith({
      status: 'bounced',
      to: ['Ada <ADA@example.com>'],
      subject: 'Hello',
      bounced_at: '2026-11-24T09:00:05Z',
      bounce: { type: 'hard', code: '5.1.1', message: 'no such user' },
    })
    const [event] = await fetchEvents()
    assert.deepEqual(event?.bounce, {
      ...{ class: 'hard', code: '5.1.1', message: 'no such user' },
      ...{ word: 'hard', subWord: null, host: null, isOver: true },
    })
    assert.equal(event?.id, 'reconcile:em_1:bounced')
    assert.equal(event?.recipient, 'ada@example.com')
    answerWith({ status: 'bounced' })
    assert.deepEqual((await fetchEvents())[0]?.bounce, {
      ...{ class: 'hard', code: null, message: null },
      ...{ word: 'bounced', subWord: null, host: null, isOver: true },
    })
  })

  it('gives a soft bounce its own ID, so that a hard one after it is a further event', async () => {
    answerWith({ status: 'bounced', bounce_type: 'soft', bounce_code: '4.2.2', message: 'mailbox full' })
    const [soft] = await fetchEvents()
    assert.equal(soft?.id, 'reconcile:em_1:bounced:soft')
    assert.deepEqual([soft?.bounce?.class, soft?.bounce?.code, soft?.bounce?.isOver], ['soft', '4.2.2', false])
    answerWith({ status: 'soft_bounced' })
    assert.equal((await fetchEvents())[0]?.bounce?.class, 'soft')
  })

  it('puts no address into the payload, which is JSON text', async () => {
    answerWith({ status: 'delivered', to: 'ada@example.com' })
    const [event] = await fetchEvents()
    assert.equal(JSON.parse(event?.payload ?? '').source, 'reconcile')
    assert.doesNotMatch(event?.payload ?? '', /@/)
  })

  it('reports no events for an unknown status', async () => {
    for (const status of ['teleported', 'constructor', 42, null]) {
      answerWith({ status })
      assert.deepEqual(await fetchEvents(), [])
    }
  })

  it('reports that an email is scheduled, and for when', async () => {
    answerWith({ status: 'scheduled', scheduled_at: '2026-12-01 10:00:00+00' })
    const [event] = await fetchEvents()
    assert.deepEqual([event?.type, event?.scheduledFor], ['queued', Date.UTC(2026, 11, 1, 10)])
  })

  it('reports no events of an email that AISend does not know', async () => {
    standIn.answer = (_, response) => response.writeHead(404).end()
    assert.deepEqual(await fetchEvents(), [])
  })

  for (const status of [401, 403]) {
    it(`reports a refused key when AISend answers ${status}`, async () => {
      standIn.answer = (_, response) => response.writeHead(status).end()
      await assert.rejects(fetchEvents(), ProviderRefusedError)
    })
  }

  for (const status of [302, 429, 500, 503]) {
    it(`sends three requests, then reports ${status} as unreachable`, async () => {
      standIn.answer = (_, response) => response.writeHead(status, { location: '/elsewhere' }).end()
      await assert.rejects(fetchEvents(), ProviderUnreachableError)
      assert.equal(standIn.requests.length, 3)
    })
  }

  for (const [what, body] of [
    ['text', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['nothing', ''],
    ['more than a mebibyte', `{"subject":"${'x'.repeat(1_100_000)}"}`],
  ] as const) {
    it(`counts an answer that is ${what} as no answer`, async () => {
      standIn.answer = (_, response) => response.writeHead(200).end(body)
      await assert.rejects(fetchEvents(), ProviderUnreachableError)
    })
  }

  it('stops waiting for an answer that never ends', async () => {
    standIn.answer = (_, response) => response.writeHead(200).write('{"status":')
    const api = apiWithin(100)
    await assert.rejects(api.fetchEvents(asked('em_1')), (error: Error) => {
      assert.ok(error instanceof ProviderUnreachableError)
      return /within 100 ms/.test(error.message)
    })
  })

  it('reports that AISend cannot be reached', async () => {
    standIn.close()
    await assert.rejects(fetchEvents(), ProviderUnreachableError)
  })

  const sent = {
    from: 'a@example.com',
    to: ['ada@example.com'],
    subject: 'Hi',
    html: null,
    text: 'Hi',
    headers: {},
    tags: [],
  }

  it('does not retry sending, since AISend documents no idempotency keys', async () => {
    const api = apiWithin()
    assert.equal(api.sending.idempotencyWindowMs, null)
    answerWith({ data: { id: 'em_9' } })
    assert.deepEqual(await api.sending.send(sent, 'order-17'), { emailId: 'em_9' })
    assert.deepEqual(
      [standIn.requests[0]?.url, standIn.requests[0]?.headers['idempotency-key']],
      ['/v1/emails', 'order-17'],
    )
    standIn.answer = (_, response) => response.writeHead(503).end()
    await assert.rejects(api.sending.send(sent, 'order-18'), { name: 'ProviderUnreachableError', mayHaveArrived: true })
    assert.equal(standIn.requests.length, 2)
  })

  it('registers and lists webhooks in the accepted forms', async () => {
    const api = apiWithin()
    const [id, url, secret] = ['wh_1', 'https://mail.example.com/webhooks/aisend', 's3cret']
    answerWith({ data: { id, secret } })
    const registered = await api.webhooks.registerWebhook(url, [])
    assert.deepEqual([registered.id, registered.url, registered.secret], [id, url, secret])
    assert.equal(registered.events.length, 8)
    answerWith({ data: [{ id, url, events: ['email.sent'] }] })
    assert.deepEqual(await api.webhooks.listWebhooks(), [{ id, url, events: ['email.sent'] }])
    answerWith([{ webhook_id: id, endpoint: url }])
    assert.deepEqual(await api.webhooks.listWebhooks(), [{ id, url, events: [] }])
  })

  it('reports what the webhooks said, with the last event of each type', async () => {
    const start = Date.UTC(2026, 10, 24, 9)
    const event = fc.record({
      type: fc.constantFrom('queued', 'sending', 'sent', 'delivered', 'bounced', 'complained'),
      at: fc.integer({ min: start, max: start + 3_600_000 }),
      bounce: fc.constantFrom(
        { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user', isOver: true } as const,
        { class: 'soft', code: '4.2.2', message: '452 4.2.2 mailbox full', isOver: false } as const,
      ),
    })
    const own = await startAisendStandIn()
    const api = createAisendApi({ apiUrl: own.apiUrl, apiKey: own.apiKey })
    await fc.assert(
      fc.asyncProperty(fc.uuid(), fc.uniqueArray(event, { selector: ({ at }) => at }), async (emailId, events) => {
        own.addEmail({ emailId, to: ['ada@example.com'], subject: 'Hello' })
        for (const { bounce, ...facts } of events) {
          const isBounce = facts.type === 'bounced'
          own.addEvent(emailId, { ...facts, recipient: 'ada@example.com', ...(isBounce && { bounce }) })
        }
        const said = own
          .webhooks()
          .flatMap(({ body }) => aisend.parse(Buffer.from(body), start))
          .filter((each) => each.emailId === emailId)
          .sort((a, b) => a.occurredAt - b.occurredAt)
        const meaning = ({ type, occurredAt, recipient, bounce }: (typeof said)[number]) =>
          [type, occurredAt, recipient, bounce] as const
        const answered = await api.fetchEvents(asked(emailId))
        const lastOfType = new Map(said.map((each) => [each.type, meaning(each)]))
        if (events.length === 0) lastOfType.set('queued', meaning(answered[0] ?? assert.fail('no event')))
        assert.deepEqual(new Map(answered.map((each) => [each.type, meaning(each)])), lastOfType)
      }),
      { numRuns: 40 },
    )
    own.close()
  })
})
