import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { DatabaseUnavailableError, TemporalUnavailableError } from '../../src/errors.ts'
import { createMetrics } from '../../src/metrics.ts'
import { useDatabase } from '../stack.ts'
import { apiKey, otherApiKey, problemIn, serve, useApi, wireTo } from './served.ts'

describe('the guards of /v1', () => {
  const { db } = useDatabase()
  const served = useApi(() => ({ db }))

  const routes: [string, string][] = [
    ['GET', '/v1/emails'],
    ['POST', '/v1/emails'],
    ['GET', '/v1/emails/em_1'],
    ['GET', '/v1/suppressions'],
    ['POST', '/v1/suppressions'],
    ['POST', '/v1/suppressions/check'],
    ['GET', '/v1/suppressions/ada@example.com'],
    ['DELETE', '/v1/suppressions/ada@example.com'],
    ['GET', '/v1/escalations'],
    ['POST', '/v1/escalations/esc_1/acknowledge'],
    ['POST', '/v1/escalations/esc_1/snooze'],
    ['POST', '/v1/escalations/esc_1/resolve'],
  ]
  for (const [method, path] of routes) {
    it(`requires a key for ${method} ${path}, and says how to send it`, async () => {
      for (const authorization of [
        undefined,
        '',
        'Bearer',
        'Bearer ',
        `Basic ${apiKey}`,
        apiKey,
        `Bearer ${apiKey}x`,
        'Bearer x',
      ]) {
        const response = await fetch(served.url + path, {
          method,
          ...(authorization !== undefined && { headers: { authorization } }),
        })
        assert.equal(response.status, 401, String(authorization))
        assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
        await problemIn(response)
      }
    })
  }

  it('requires the key for every spelling of a path', async () => {
    for (const path of ['/V1/emails', '//v1/emails', '/v1/emails/', '/v1/./emails', '/%761/emails', '/v1//emails']) {
      const response = await fetch(served.url + path)
      assert.ok([401, 404].includes(response.status), `${path}: ${response.status}`)
    }
  })

  it('accepts every configured key', async () => {
    for (const key of [apiKey, otherApiKey]) {
      const response = await fetch(`${served.url}/v1/emails?limit=no`, { headers: { authorization: `bearer ${key}` } })
      assert.equal(response.status, 400)
    }
  })

  it('lets browsers run, frame and reinterpret no answer, whatever the status', async () => {
    const authorization = `Bearer ${apiKey}`
    for (const path of [
      '/v1/emails',
      '/v1/emails?limit=no',
      '/v1/nothing',
      '/healthz',
      '/openapi.json',
      '/webhooks/aisend',
      '/%',
    ]) {
      const { headers } = await fetch(served.url + path, { headers: { authorization } })
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, path)
    }
  })

  it('answers 429 to an address with many wrong keys, and always accepts the right one', async () => {
    await served.restart({ db })
    const from = (address: string, key: string) =>
      fetch(`${served.url}/v1/emails?limit=no`, {
        headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': address },
      })
    const answers = await Promise.all(Array.from({ length: 80 }, (_, n) => from('203.0.113.7', `guess-${n}`)))
    const limited = answers.filter(({ status }) => status === 429)
    // One more may be tried each second.
    assert.ok(limited.length > 10 && limited.length <= 20, `${limited.length} limited`)
    assert.match(limited[0]?.headers.get('retry-after') ?? '', /^\d+$/)
    assert.equal((await from('203.0.113.7', apiKey)).status, 400)
    assert.equal((await from('203.0.113.8', 'guess')).status, 401)
  })

  it('checks the key before it reads the body', async () => {
    const wire = wireTo(served.port)
    wire.socket.write('POST /v1/emails HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n')
    await new Promise((resolve) => wire.socket.once('data', resolve))
    assert.match(wire.received(), /^HTTP\/1\.1 401 /)
    wire.socket.destroy()
  })

  it('answers 404 to unknown paths and 405 with Allow to wrong methods', async () => {
    for (const path of ['/', '/v2', '/v1', '/v1/nothing', '/webhooks', '/v1/escalations/esc_1/explode']) {
      const response = await served.call('GET', path)
      assert.equal(response.status, 404, path)
      await problemIn(response)
    }
    const wrong: [string, string, string][] = [
      ['PUT', '/v1/emails', 'GET, HEAD, POST'],
      ['DELETE', '/v1/emails/em_1', 'GET, HEAD'],
      ['GET', '/v1/escalations/esc_1/resolve', 'POST'],
      ['POST', '/healthz', 'GET, HEAD'],
    ]
    for (const [method, path, allow] of wrong) {
      const response = await served.call(method, path)
      assert.equal(response.status, 405, path)
      assert.deepEqual(response.headers.get('allow')?.split(', ').sort(), allow.split(', ').sort())
      await problemIn(response)
    }
  })

  it('answers 400 to a path that is not percent-encoded text', async () => {
    for (const path of ['/v1/emails/%', '/v1/suppressions/%zz', '/v1/emails/%ff', '/%']) {
      const response = await served.call('GET', path)
      assert.equal(response.status, 400, path)
      await problemIn(response)
    }
  })

  it('answers 400 to NUL and broken characters in paths and queries', async () => {
    for (const path of [
      '/v1/emails/a%00b',
      '/v1/suppressions/a%00@x.com',
      '/v1/emails?tag=a%00b',
      '/v1/emails?recipient=%00@x.com',
      '/v1/emails/a?provider=%00',
      '/v1/emails?cursor=%00',
    ]) {
      const response = await served.call('GET', path)
      assert.equal(response.status, 400, path)
      assert.ok((await problemIn(response)).errors?.[0]?.message)
    }
    assert.equal((await served.call('POST', '/v1/escalations/%00/resolve')).status, 400)
  })

  const junk = ['', 'null', '[]', '42', '"text"', '{', 'nul', '{"__proto__":{"id":"a"}}', '\u0000', '{}']
  for (const path of ['/v1/emails', '/v1/suppressions', '/v1/suppressions/check']) {
    it(`answers 400 to junk at ${path}`, async () => {
      for (const body of junk) {
        const response = await served.call('POST', path, body)
        assert.equal(response.status, 400, JSON.stringify(body))
        await problemIn(response)
      }
    })
  }

  it('answers 415 to what is not JSON, or is compressed', async () => {
    const headers = { authorization: `Bearer ${apiKey}` }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
      const response = await fetch(`${served.url}/v1/emails`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body: '{"id":"a"}',
      })
      assert.equal(response.status, 415, type)
      await problemIn(response)
    }
    const compressed = await fetch(`${served.url}/v1/emails`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: 'x',
    })
    assert.equal(compressed.status, 415)
  })

  it('answers 413 over 1 MiB, by Content-Length or while reading', async () => {
    const response = await served.call('POST', '/v1/emails', JSON.stringify({ id: 'x'.repeat(1_100_000) }))
    assert.equal(response.status, 413)
    assert.equal(response.headers.get('connection'), 'close')
    const head = `POST /v1/emails HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: application/json\r\n`
    const chunked = wireTo(served.port)
    chunked.socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    for (let sent = 0; sent < 40; sent++) chunked.socket.write(`10000\r\n${' '.repeat(0x10000)}\r\n`)
    // More than fits into 32 bits, and nothing follows.
    const announced = wireTo(served.port)
    announced.socket.write(`${head}Content-Length: 4294967306\r\n\r\n`)
    for (const wire of [chunked, announced]) {
      await wire.closed
      assert.match(wire.received(), /^HTTP\/1\.1 413 /)
    }
  })

  it('logs no path, query or body', async () => {
    await served.call('GET', '/v1/suppressions/ada@example.com')
    await served.call('GET', '/v1/emails?recipient=ada@example.com&limit=0')
    await served.call('POST', '/v1/emails', { id: 'a', to: 'ada@example.com', provider: 'nobody' })
    assert.ok(served.logged.length >= 3)
    assert.doesNotMatch(served.logged.join(''), /ada@|key-of-the-tests/)
  })
})

describe('health and metrics', () => {
  const database = useDatabase()
  const { db } = database
  const served = useApi()

  it('is alive without PostgreSQL and Temporal', async () => {
    const response = await fetch(`${served.url}/healthz`)
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), { status: 'alive' })
  })

  it('stays ready without Temporal, however it fails, and reports it', async () => {
    for (const isReachable of [
      async () => false,
      () => Promise.reject(new TemporalUnavailableError('away')),
      () => new Promise<boolean>(() => {}),
    ]) {
      await served.restart({ db })
      served.emailWorkflows.isReachable = isReachable
      const startedAt = performance.now()
      const response = await fetch(`${served.url}/readyz`)
      assert.ok(performance.now() - startedAt < 1_900)
      assert.equal(response.status, 200)
      const body = { status: 'ready', postgresql: true, temporal: false, temporalState: 'away' }
      assert.deepEqual(await response.json(), body)
    }
  })

  it('asks Temporal once for many requests to the public path', async () => {
    await served.restart({ db })
    let asked = 0
    served.emailWorkflows.isReachable = async () => {
      asked += 1
      return true
    }
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${served.url}/readyz`)))
    assert.equal(asked, 1)
  })

  it('reports that Temporal answers but refuses requests', async () => {
    const temporalStatus = () => ({ state: 'refused', since: 1, detail: 'PERMISSION_DENIED' }) as const
    await served.restart({ temporalStatus })
    const body = (await (await fetch(`${served.url}/readyz`)).json()) as Record<string, unknown>
    assert.deepEqual([body['temporal'], body['temporalState']], [false, 'refused'])
  })

  it('is not ready while PostgreSQL refuses writes', async () => {
    await served.restart({ db })
    const readiness = async () => (await fetch(`${served.url}/readyz`)).status
    assert.equal(await readiness(), 200)
    const name = new URL(database.url).pathname.slice(1)
    await db.$executeRawUnsafe(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    const readOnly = createDatabase({ url: database.url })
    const other = await serve({ db: readOnly })
    assert.equal((await fetch(`${other.url}/readyz`)).status, 503)
    await other.stop()
    await readOnly.$disconnect()
  })

  it('serves metrics to its own machine, and to others only with a key', async () => {
    const local = await fetch(`${served.url}/metrics`)
    assert.equal(local.status, 200)
    assert.match(local.headers.get('content-type') ?? '', /^text\/plain; version=/)
    assert.match(await local.text(), /^aftersend_inbox_pending 3$/m)
    const forwarded: Record<string, string>[] = [{ 'x-forwarded-for': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }]
    for (const headers of forwarded) {
      assert.equal((await fetch(`${served.url}/metrics`, { headers })).status, 401)
      const withKey = { ...headers, authorization: `Bearer ${apiKey}` }
      assert.equal((await fetch(`${served.url}/metrics`, { headers: withKey })).status, 200)
    }
  })

  it('accepts the scraper’s key for metrics only', async () => {
    const scraperKey = 'key-of-the-scraper-01'
    await served.restart({ db, metricsKeys: [scraperKey] })
    const headers = { authorization: `Bearer ${scraperKey}`, 'x-forwarded-for': '192.0.2.1' }
    assert.equal((await fetch(`${served.url}/metrics`, { headers })).status, 200)
    assert.equal((await fetch(`${served.url}/v1/emails`, { headers })).status, 401)
  })

  it('leaves out metrics of an unavailable database instead of failing', async () => {
    const metrics = createMetrics(() => Promise.reject(new DatabaseUnavailableError('away')))
    await served.restart({ metrics })
    const response = await fetch(`${served.url}/metrics`)
    assert.equal(response.status, 200)
    assert.doesNotMatch(await response.text(), /^aftersend_inbox_pending \d/m)
  })
})
