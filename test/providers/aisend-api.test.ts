import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAisendApi } from '../../src/providers/aisend-api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider.ts'

describe('the AISend API', () => {
  let server: Server
  let apiUrl: string
  let asked: { url: string | undefined; headers: IncomingHttpHeaders }[]
  let answer: (response: ServerResponse) => void

  beforeEach(async () => {
    asked = []
    server = createServer((request, response) => {
      asked.push({ url: request.url, headers: request.headers })
      answer(response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const fetchEvents = (emailId = 'em_1') =>
    createAisendApi({ apiUrl, apiKey: 'key-7', timeoutMs: 2_000 }).fetchEvents(emailId)

  const knows = (email: unknown) => {
    answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(email))
  }

  const facts = async () =>
    (await fetchEvents()).map(({ id, type, occurredAt }) => ({ id, type, at: new Date(occurredAt).toISOString() }))

  it('asks for the email by its escaped ID, with the key', async () => {
    knows({ status: 'sent' })
    await fetchEvents('em/1 ü?x')
    assert.equal(asked[0]?.url, '/v1/emails/em%2F1%20%C3%BC%3Fx')
    assert.equal(asked[0]?.headers.authorization, 'Bearer key-7')
  })

  it('tells every fact that has a time, with IDs that stay the same', async () => {
    knows({
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

  it('reads the nested, camel-case form with epoch seconds as well', async () => {
    knows({ data: { status: 'email.sent', sentAt: 1_795_000_000, sendingAt: 1_794_999_999_000 } })
    assert.deepEqual(
      (await facts()).map(({ type, at }) => [type, at]),
      [
        ['sending', new Date(1_794_999_999_000).toISOString()],
        ['sent', new Date(1_795_000_000_000).toISOString()],
      ],
    )
  })

  for (const status of ['delivered', 'email.delivered', 'OPENED', 'clicked']) {
    it(`takes the status ${status} alone as a delivery, at the time that the status has`, async () => {
      knows({ status, updated_at: '2026-11-24T09:00:03Z' })
      assert.deepEqual(await facts(), [
        { id: 'reconcile:em_1:delivered', type: 'delivered', at: '2026-11-24T09:00:03.000Z' },
      ])
    })
  }

  it('takes its own clock where AISend names no time, or one that cannot be read', async () => {
    knows({ status: 'complained', complained_at: 'yesterday', delivered_at: null })
    const before = Date.now()
    const [event, ...others] = await fetchEvents()
    assert.equal(event?.type, 'complained')
    assert.ok(event.occurredAt >= before && event.occurredAt <= Date.now())
    assert.deepEqual(others, [])
  })

  it('classifies a bounce, keeps its code and words, and takes no status word for a code', async () => {
    knows({
      status: 'bounced',
      to: ['Ada <ADA@example.com>'],
      subject: 'Hello',
      bounced_at: '2026-11-24T09:00:05Z',
      bounce: { type: 'hard', code: '5.1.1', message: 'no such user' },
    })
    const [event] = await fetchEvents()
    assert.deepEqual(event?.bounce, { class: 'hard', code: '5.1.1', message: 'no such user' })
    assert.equal(event?.id, 'reconcile:em_1:bounced')
    assert.equal(event?.recipient, 'ada@example.com')
    knows({ status: 'bounced' })
    assert.deepEqual((await fetchEvents())[0]?.bounce, { class: 'hard', code: null, message: null })
  })

  it('gives a soft bounce an ID of its own, so that a hard one after it is news', async () => {
    knows({ status: 'bounced', bounce_type: 'soft', bounce_code: '4.2.2', message: 'mailbox full' })
    const [soft] = await fetchEvents()
    assert.equal(soft?.id, 'reconcile:em_1:bounced:soft')
    assert.deepEqual(soft?.bounce, { class: 'soft', code: '4.2.2', message: 'mailbox full' })
    knows({ status: 'soft_bounced' })
    assert.equal((await fetchEvents())[0]?.bounce?.class, 'soft')
  })

  it('puts no address into the payload, which is JSON text', async () => {
    knows({ status: 'delivered', to: 'ada@example.com' })
    const [event] = await fetchEvents()
    assert.equal(JSON.parse(event?.payload ?? '').source, 'reconcile')
    assert.doesNotMatch(event?.payload ?? '', /@/)
  })

  it('makes nothing of a status it does not know', async () => {
    for (const status of ['scheduled', 'constructor', 42, null]) {
      knows({ status })
      assert.deepEqual(await fetchEvents(), [])
    }
  })

  it('knows no events of an email that AISend does not know', async () => {
    answer = (response) => response.writeHead(404).end()
    assert.deepEqual(await fetchEvents(), [])
  })

  for (const status of [401, 403]) {
    it(`says that retrying is no use when AISend answers ${status}`, async () => {
      answer = (response) => response.writeHead(status).end()
      await assert.rejects(fetchEvents(), ProviderRefusedError)
    })
  }

  for (const status of [302, 429, 500, 503]) {
    it(`asks thrice, then leaves ${status} to be asked again later`, async () => {
      answer = (response) => response.writeHead(status, { location: '/elsewhere' }).end()
      await assert.rejects(fetchEvents(), ProviderUnreachableError)
      assert.equal(asked.length, 3)
    })
  }

  for (const [what, body] of [
    ['text', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['nothing', ''],
    ['more than a mebibyte', `{"subject":"${'x'.repeat(1_100_000)}"}`],
  ] as const) {
    it(`takes an answer that is ${what} for no answer`, async () => {
      answer = (response) => response.writeHead(200).end(body)
      await assert.rejects(fetchEvents(), ProviderUnreachableError)
    })
  }

  it('stops waiting for an answer that begins and never ends', async () => {
    answer = (response) => response.writeHead(200).write('{"status":')
    const api = createAisendApi({ apiUrl, apiKey: 'key-7', timeoutMs: 100 })
    await assert.rejects(api.fetchEvents('em_1'), (error: Error) => {
      assert.ok(error instanceof ProviderUnreachableError)
      return /within 100 ms/.test(error.message)
    })
  })

  it('says that AISend cannot be reached', async () => {
    server.close()
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

  it('sends once and never again by itself, since AISend promises nothing for a key that comes twice', async () => {
    const api = createAisendApi({ apiUrl, apiKey: 'key-7', timeoutMs: 2_000 })
    assert.equal(api.idempotencyWindowMs, null)
    knows({ data: { id: 'em_9' } })
    assert.deepEqual(await api.send(sent, 'order-17'), { emailId: 'em_9' })
    assert.deepEqual([asked[0]?.url, asked[0]?.headers['idempotency-key']], ['/v1/emails', 'order-17'])
    answer = (response) => response.writeHead(503).end()
    await assert.rejects(api.send(sent, 'order-18'), { name: 'ProviderUnreachableError', mayHaveArrived: true })
    assert.equal(asked.length, 2)
  })

  it('registers and lists webhooks in the forms that such answers commonly have', async () => {
    const api = createAisendApi({ apiUrl, apiKey: 'key-7', timeoutMs: 2_000 })
    const [id, url, secret] = ['wh_1', 'https://mail.example.com/webhooks/aisend', 's3cret']
    knows({ data: { id, secret } })
    const registered = await api.registerWebhook(url, [])
    assert.deepEqual([registered.id, registered.url, registered.secret], [id, url, secret])
    assert.equal(registered.events.length, 8)
    knows({ data: [{ id, url, events: ['email.sent'] }] })
    assert.deepEqual(await api.listWebhooks(), [{ id, url, events: ['email.sent'] }])
    knows([{ webhook_id: id, endpoint: url }])
    assert.deepEqual(await api.listWebhooks(), [{ id, url, events: [] }])
  })
})
