import assert from 'node:assert/strict'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase } from '../../src/db/database.ts'
import type { AppendResult } from '../../src/inbox/inbox.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { eventBody, problemIn, serve, useApi, webhookSecret, wireTo } from '../api/served.ts'

const quick = { headersMs: 150, requestMs: 300, checkEveryMs: 20, keepAliveMs: 5_000 }

const webhookBytes = (body: string, headers = '') =>
  `POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
  `X-Webhook-Signature: ${aisendSignature(body, webhookSecret)}\r\n${headers}\r\n${body}`

describe('slow and broken requests', () => {
  const served = useApi(() => ({ deadlines: quick }))

  it('answers 408 to a body that is not sent', async () => {
    const wire = wireTo(served.port)
    wire.socket.write('POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"id":')
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 408 /)
    assert.equal(served.inbox.events.length, 0)
  })

  it('answers 408 to headers that are not sent', async () => {
    const wire = wireTo(served.port)
    wire.socket.write('POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 408 /)
  })

  it('gives a body only the time that its headers left', async () => {
    await served.restart({ deadlines: { ...quick, headersMs: 3_000, requestMs: 3_200 } })
    const [wire, startedAt] = [wireTo(served.port), performance.now()]
    wire.socket.write('POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n')
    await sleep(1_500)
    wire.socket.write('\r\n{"id":')
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 408 /)
    assert.ok(performance.now() - startedAt < 1_500 + 3_200)
  })

  it('stores nothing of an aborted upload, and continues to serve', async () => {
    const body = eventBody()
    for (let cut = 1; cut <= 3; cut++) {
      const wire = wireTo(served.port)
      wire.socket.write(webhookBytes(body).slice(0, -5 * cut), () => wire.socket.destroy())
      await wire.closed
    }
    assert.equal((await served.webhook(body)).status, 200)
    assert.equal(served.inbox.events.length, 1)
    assert.doesNotMatch(served.logged.join(''), /"status":500/)
  })

  const broken: Record<string, [string, number]> = {
    'bytes that are not HTTP': ['\x16\x03\x01hello\r\n\r\n', 400],
    'two differing lengths': ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    'a length and chunks': [
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    'headers without end': [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    'a target that is no URL': ['GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
  }
  for (const [name, [bytes, status]] of Object.entries(broken)) {
    it(`answers ${status} to ${name} and closes`, async () => {
      const wire = wireTo(served.port)
      wire.socket.write(bytes, 'latin1')
      await wire.closed
      assert.match(wire.received(), new RegExp(`^HTTP/1\\.1 ${status} `))
    })
  }

  it('keeps the connection after a refused body that was not read', async () => {
    const wire = wireTo(served.port)
    const unsigned = 'POST /webhooks/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'
    wire.socket.write(unsigned + unsigned.replace('hello', 'again'))
    while (wire.received().split('HTTP/1.1 404').length < 3)
      await new Promise((resolve) => wire.socket.once('data', resolve))
    wire.socket.destroy()
  })
})

describe('a database that does not answer', () => {
  it('causes a 503 with Retry-After within 2 seconds, whether it refuses or is silent', async () => {
    const held: Socket[] = []
    const silent = createServer((socket) => held.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const port = (silent.address() as AddressInfo).port
    for (const url of ['postgresql://nobody@127.0.0.1:1/none', `postgresql://nobody@127.0.0.1:${port}/none`]) {
      const db = createDatabase({ url })
      const served = await serve({ db })
      const startedAt = performance.now()
      const paths = ['/v1/emails', '/v1/emails/em_1', '/v1/suppressions/ada@example.com', '/v1/escalations']
      const responses = await Promise.all(paths.map((path) => served.call('GET', path)))
      assert.ok(performance.now() - startedAt < 2_000)
      for (const response of responses) {
        assert.equal(response.status, 503)
        assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
        await problemIn(response)
      }
      const ready = await fetch(`${served.url}/readyz`)
      assert.equal(ready.status, 503)
      assert.deepEqual(await ready.json(), {
        status: 'not ready',
        postgresql: false,
        temporal: true,
        temporalState: 'flowing',
      })
      await served.stop()
      await db.$disconnect()
    }
    for (const socket of held) socket.destroy()
    silent.close()
  }).timeout(10_000)
})

describe('closing', () => {
  it('lets a running request finish, and accepts no other', async () => {
    const served = await serve()
    let finish: (result: AppendResult) => void = () => {}
    const started = new Promise<void>((resolve) => {
      served.inbox.append = () => {
        resolve()
        return new Promise((done) => {
          finish = done
        })
      }
    })
    const running = served.webhook(eventBody())
    await started
    const closed = served.api.close({ graceMs: 5_000 })
    await assert.rejects(fetch(`${served.url}/healthz`))
    finish({ received: 1, duplicates: 0 })
    assert.equal((await running).status, 200)
    await closed
  })

  it('closes idle connections at once', async () => {
    const served = await serve()
    const wire = wireTo(served.port)
    wire.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => wire.socket.once('data', resolve))
    const startedAt = performance.now()
    await served.api.close({ graceMs: 5_000 })
    await wire.closed
    assert.ok(performance.now() - startedAt < 1_000)
  })

  it('ends running requests after the grace period', async () => {
    const served = await serve()
    const started = new Promise<void>((resolve) => {
      served.inbox.append = () => {
        resolve()
        return new Promise(() => {})
      }
    })
    const running = assert.rejects(served.webhook(eventBody()))
    await started
    await served.api.close({ graceMs: 50 })
    await running
  })

  it('reports a port in use', async () => {
    const served = await serve()
    const second = await serve()
    await second.stop()
    await assert.rejects(second.api.listen({ port: served.port, host: '127.0.0.1' }), { code: 'EADDRINUSE' })
    await served.stop()
  })
})
