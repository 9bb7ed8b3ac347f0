import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'
import { ConfigurationError } from '../../src/errors.ts'
import { NoticeRefusedError } from '../../src/notifications/channel.ts'
import { SupportUnreachableError } from '../../src/notifications/errors.ts'
import { createWebhookChannel } from '../../src/notifications/webhook-channel.ts'
import { sampleNotice } from './sample-notice.ts'

const secret = `whsec_${Buffer.from('a secret of some thirty two bytes').toString('base64')}`

interface Call {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

describe('the webhook channel', () => {
  let server: Server
  let url: string
  let calls: Call[]
  let answer: (response: ServerResponse, call: Call) => void

  beforeEach(async () => {
    calls = []
    answer = (response) => response.writeHead(204).end()
    server = createServer(async (request, response) => {
      const call = { headers: request.headers, body: await text(request) }
      calls.push(call)
      answer(response, call)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  })

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const answerStatus = (status: number, headers: Record<string, string> = {}) => {
    answer = (response) => response.writeHead(status, headers).end('why not')
  }

  it('posts the notice, signed so that the Standard Webhooks library accepts it', async () => {
    await createWebhookChannel({ url, secret }).send(sampleNotice())
    const [call] = calls
    assert.ok(call)
    const body = new Webhook(secret).verify(call.body, call.headers as Record<string, string>) as Record<
      string,
      unknown
    >
    assert.equal(body['type'], 'escalation.notice')
    assert.match(String(body['text']), /em_42/)
    assert.deepEqual(body['escalation'], {
      id: 'esc_7',
      reason: 'stalled',
      detail: 'No delivery was reported within 10 minutes',
      notice: 1,
      openedAt: '2026-11-24T09:30:00.000Z',
    })
    assert.deepEqual(body['email'], {
      id: 'em_42',
      provider: 'aisend',
      to: ['ada@example.com'],
      subject: 'Your sign-in code – grüße ✉',
      priority: 'critical',
      status: 'sent',
    })
    assert.throws(() => new Webhook(secret).verify(`${call.body} `, call.headers as Record<string, string>))
  })

  it('uses the same webhook-id and body for all attempts of a notice, and another webhook-id for the next', async () => {
    const channel = createWebhookChannel({ url, secret })
    answerStatus(503)
    await assert.rejects(channel.send(sampleNotice()), SupportUnreachableError)
    answerStatus(200)
    await channel.send(sampleNotice())
    await channel.send(sampleNotice({ id: 'esc_7.2', notice: 2 }))
    const ids = calls.map((call) => call.headers['webhook-id'])
    assert.deepEqual(ids, ['esc_7.1', 'esc_7.1', 'esc_7.2'])
    assert.equal(calls[0]?.body, calls[1]?.body)
  })

  it('encodes an ID that is not valid in a header', async () => {
    await createWebhookChannel({ url, secret }).send(sampleNotice({ id: 'email/aisend/grüße ✉.1' }))
    assert.equal(calls[0]?.headers['webhook-id'], encodeURIComponent('email/aisend/grüße ✉.1'))
    new Webhook(secret).verify(calls[0].body, calls[0].headers as Record<string, string>)
  })

  for (const status of [408, 409, 425, 429, 500, 503, 302]) {
    it(`treats ${status} as retryable`, async () => {
      answerStatus(status, { location: '/elsewhere' })
      await assert.rejects(createWebhookChannel({ url, secret }).send(sampleNotice()), SupportUnreachableError)
      assert.equal(calls.length, 1)
    })
  }

  for (const status of [400, 401, 404, 410, 422, 301, 308]) {
    it(`treats ${status} as final`, async () => {
      answerStatus(status, { location: '/elsewhere' })
      await assert.rejects(createWebhookChannel({ url, secret }).send(sampleNotice()), NoticeRefusedError)
      assert.equal(calls.length, 1, 'a redirect must not be followed')
    })
  }

  it('follows no redirect, since the notice contains addresses', async () => {
    let followed = 0
    const elsewhere = createServer((_, response) => {
      followed += 1
      response.end()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const { port } = elsewhere.address() as AddressInfo
    for (const status of [301, 302, 303, 307, 308]) {
      answerStatus(status, { location: `http://127.0.0.1:${port}/latest/meta-data` })
      await assert.rejects(createWebhookChannel({ url, secret }).send(sampleNotice()))
    }
    assert.equal(followed, 0)
    elsewhere.close()
  })

  it('gives up on a receiver that does not answer in time', async () => {
    answer = () => {}
    const started = performance.now()
    await assert.rejects(
      createWebhookChannel({ url, secret, timeoutMs: 100 }).send(sampleNotice()),
      (error) => error instanceof SupportUnreachableError && /within 100 ms/.test(error.message),
    )
    assert.ok(performance.now() - started < 3_000)
  })

  it('does not wait for the end of an answer', async () => {
    answer = (response) => response.writeHead(200).write('the first of many lines\n')
    await createWebhookChannel({ url, secret, timeoutMs: 5_000 }).send(sampleNotice())
  })

  it('reports why it cannot be reached, without URL, address or cause, since the error enters histories', async () => {
    server.close()
    await assert.rejects(createWebhookChannel({ url, secret }).send(sampleNotice()), (error: Error) => {
      assert.ok(error instanceof SupportUnreachableError)
      assert.match(error.message, /ECONNREFUSED/)
      assert.ok(!error.message.includes('127.0.0.1') && !error.message.includes('ada@'))
      assert.equal(error.cause, undefined)
      return true
    })
  })

  it('refuses a configuration that cannot work', () => {
    assert.throws(() => createWebhookChannel({ url, secret: 'whsec_not base64!' }), ConfigurationError)
    assert.throws(() => createWebhookChannel({ url: 'https://ada:pw@example.com', secret }), ConfigurationError)
  })
})
