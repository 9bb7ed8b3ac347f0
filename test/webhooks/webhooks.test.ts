import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { eventBody, problemIn, useApi, webhookSecret, wireTo } from '../api/served.ts'
import { until } from '../until.ts'

const mebibyte = 1_048_576

describe('POST /webhooks/:provider', () => {
  const served = useApi()

  it('acknowledges a genuine event after the inbox has stored it, and counts repeats', async () => {
    const body = eventBody({ id: 'evt_1' })
    const first = await served.webhook(body)
    assert.equal(first.status, 200)
    assert.deepEqual(await first.json(), { received: 1, duplicates: 0 })
    assert.deepEqual(await (await served.webhook(body)).json(), { received: 0, duplicates: 1 })
    assert.equal(served.inbox.events[0]?.payload, body)
  })

  it("stores an event that claims one of Aftersend's own types under `unknown`, with its payload", async () => {
    for (const type of ['aftersend.registered', 'email.aftersend.registered', 'aftersend.x', 'unreadable']) {
      const body = eventBody({ type })
      assert.equal((await served.webhook(body)).status, 200)
      const { type: stored, payload } = served.inbox.events.at(-1) ?? assert.fail()
      assert.deepEqual([stored, payload], ['unknown', body])
    }
  })

  it('stores every address of a recipients field, however it is written, and none that PostgreSQL cannot store', async () => {
    const to = [
      'Ada <ada@x.com>, "Hopper, Grace" <Grace@bücher.example>',
      'bob@x.com; carol@x.com',
      'a\u0000@x.com',
      '\ud800@x.com',
    ]
    await served.webhook(eventBody({ data: { email_id: 'em_1', to } }))
    const expected = ['ada@x.com', 'grace@xn--bcher-kva.example', 'bob@x.com', 'carol@x.com']
    assert.deepEqual(served.inbox.events[0]?.to, expected)
    await served.webhook(eventBody({ data: { email_id: 'em_1', to: to[0], recipient: to[0] } }))
    assert.deepEqual([served.inbox.events[1]?.to, served.inbox.events[1]?.recipient], [expected.slice(0, 2), null])
  })

  it('measures the time of genuine webhooks only', async () => {
    await served.webhook(eventBody())
    await served.webhook(eventBody(), { 'x-webhook-signature': 'f'.repeat(64) })
    const text = await served.metrics.registry.getSingleMetricAsString('aftersend_webhook_ack_seconds')
    assert.match(text, /aftersend_webhook_ack_seconds_count 1/)
  })

  it('checks the signature over the exact bytes, whatever they decode to', async () => {
    const body = Buffer.concat([
      Buffer.from('{"id":"e","type":"sent","email_id":"m","x":"'),
      Buffer.from([0xc3, 0xa9, 0x22, 0x7d]),
    ])
    assert.equal((await served.webhook(body)).status, 200)
    const spaced = `${body.toString()} `
    assert.equal(
      (await served.webhook(spaced, { 'x-webhook-signature': aisendSignature(body, webhookSecret) })).status,
      401,
    )
  })

  it('refuses every malformed signature with 401, and never throws', async () => {
    const body = eventBody()
    const right = aisendSignature(body, webhookSecret)
    const wrong = [
      '',
      'x',
      right.slice(1),
      `${right}0`,
      right.slice(0, 63),
      'z'.repeat(64),
      'sha256=',
      'é',
      '='.repeat(44),
      `${right}, ${right}`,
    ]
    for (const signature of [...wrong, aisendSignature(body, 'another secret')]) {
      const response = await served.webhook(body, { 'x-webhook-signature': signature })
      assert.equal(response.status, 401, signature)
      await problemIn(response)
    }
    const unsigned = await fetch(`${served.url}/webhooks/aisend`, { method: 'POST', body })
    assert.equal(unsigned.status, 401)
    assert.equal(served.inbox.events.length, 0)
  })

  it('accepts the signature in hex or base64, and of any secret during a rotation', async () => {
    const body = eventBody()
    const base64 = createHmac('sha256', webhookSecret).update(body).digest('base64')
    for (const signature of [
      `sha256=${aisendSignature(body, webhookSecret)}`,
      base64,
      aisendSignature(body, 'secret-before-rotation'),
    ]) {
      assert.equal((await served.webhook(body, { 'x-webhook-signature': signature })).status, 200)
    }
  })

  it('stores what an account of a project receives as the project’s, and verifies it with its own secret', async () => {
    await served.restart({
      webhooks: new Map([
        ['aisend', { provider: aisend, secrets: [webhookSecret] }],
        ['aisend/shop', { provider: aisend, secrets: ['secret-of-the-shop'], project: 'shop' }],
      ]),
    })
    const body = eventBody()
    const send = (secret: string) =>
      fetch(`${served.url}/webhooks/aisend/shop`, {
        method: 'POST',
        headers: { 'x-webhook-signature': aisendSignature(body, secret) },
        body,
      })
    assert.equal((await send(webhookSecret)).status, 401)
    assert.equal((await send('secret-of-the-shop')).status, 200)
    assert.deepEqual(
      served.inbox.events.map(({ provider, account }) => [provider, account]),
      [['shop:aisend', 'shop']],
    )
  })

  const junk: Record<string, string | Uint8Array> = {
    'an empty body': '',
    null: 'null',
    'an array': '[]',
    'an array of events': `[${eventBody()}]`,
    'a number': '42',
    'a string': '"delivered"',
    'cut JSON': '{"type":"delivered"',
    'binary bytes': Uint8Array.from([0xff, 0xfe, 0x00, 0x80]),
    'a NUL in the email ID': eventBody({ data: { email_id: 'em\u0000' } }),
    'a missing email ID': eventBody({ data: {} }),
    'a missing type': eventBody({ type: undefined }),
    'an email ID in a prototype': '{"type":"delivered","__proto__":{"email_id":"em_1"}}',
  }
  for (const [name, body] of Object.entries(junk)) {
    it(`answers 400 to ${name}, signed, and stores nothing`, async () => {
      const response = await served.webhook(body)
      assert.equal(response.status, 400)
      assert.ok((await problemIn(response)).detail.length > 10)
      assert.equal(served.inbox.events.length, 0)
    })
  }

  it('answers 404 to an unknown provider, even one that every object has', async () => {
    for (const provider of ['resend', '__proto__', 'constructor', '%zz', 'aisend%00']) {
      const response = await fetch(`${served.url}/webhooks/${provider}`, { method: 'POST', body: eventBody() })
      assert.equal(response.status, 404, provider)
      await problemIn(response)
    }
  })

  it('answers 405 with Allow to other methods', async () => {
    const response = await fetch(`${served.url}/webhooks/aisend`)
    assert.equal(response.status, 405)
    assert.equal(response.headers.get('allow'), 'POST')
    await problemIn(response)
  })

  it('answers 415 to a compressed body', async () => {
    assert.equal((await served.webhook(gzipSync(eventBody()), { 'content-encoding': 'gzip' })).status, 415)
    assert.equal((await served.webhook(eventBody(), { 'content-encoding': 'identity' })).status, 200)
  })

  it('accepts 1 MiB and not a byte more', async () => {
    const filled = (size: number) => {
      const empty = eventBody({ filling: '' })
      return eventBody({
        id: 'evt_big',
        filling: 'x'.repeat(size - empty.length + empty.indexOf('","type"') - '{"id":"evt_big'.length),
      })
    }
    assert.equal(filled(mebibyte).length, mebibyte)
    assert.equal((await served.webhook(filled(mebibyte))).status, 200)
    const response = await served.webhook(filled(mebibyte + 1))
    assert.equal(response.status, 413)
    assert.equal(response.headers.get('connection'), 'close')
    await problemIn(response)
  })

  it('refuses by Content-Length before it reads the body', async () => {
    const wire = wireTo(served.port)
    wire.socket.write(`POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000000\r\n\r\n`)
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 413 /)
    assert.match(wire.received(), /application\/problem\+json[\s\S]*\}$/)
  })

  it('answers 503 when too many bodies are being received, and accepts webhooks again when they are gone', async () => {
    await served.restart({ maxBodyBytes: 300_000 })
    const wires = [1, 2, 3].map(() => wireTo(served.port))
    const head = 'POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n'
    for (const { socket } of wires) socket.write(head + 'x'.repeat(120_000))
    await Promise.any(wires.map(({ closed }) => closed))
    assert.ok(wires.some((wire) => /^HTTP\/1\.1 503 /.test(wire.received())))
    for (const { socket } of wires) socket.destroy()
    await until(async () => (await served.webhook(eventBody())).status === 200)
  })

  it('stops reading a chunked body at the limit, and the client still receives the answer', async () => {
    const wire = wireTo(served.port)
    wire.socket.write('POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const startedAt = performance.now()
    for (let sent = 0; sent < 40; sent++) wire.socket.write(chunk)
    wire.socket.write('0\r\n\r\n')
    await wire.closed
    assert.ok(performance.now() - startedAt < 900, 'closes when the body has ended, not after the time limit')
    assert.match(wire.received(), /^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*\}$/i)
    assert.equal(wire.error(), null)
  })

  it('answers 503 with Retry-After when the inbox cannot store it', async () => {
    served.inbox.append = () => Promise.reject(new DatabaseUnavailableError('no answer'))
    const response = await served.webhook(eventBody())
    assert.equal(response.status, 503)
    assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d?$/)
    await problemIn(response)
  })

  it('answers 500 without internals to an unexpected error, and logs it without its message', async () => {
    served.inbox.append = () => Promise.reject(new Error('Key (address)=(ada@example.com) exists'))
    const response = await served.webhook(eventBody())
    assert.equal(response.status, 500)
    const problem = await problemIn(response)
    assert.match(problem.detail, /^internal error: report it with the ID in `instance`/)
    assert.doesNotMatch(JSON.stringify({ ...problem, detail: '' }), /Key|ada@|at /)
    assert.match(served.logged.join(''), /"status":500/)
    assert.doesNotMatch(served.logged.join(''), /ada@/)
  })
})
