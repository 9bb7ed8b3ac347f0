import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

describe('/v1/suppressions', () => {
  const { db } = useDatabase('suppressions')
  const served = useApi(() => ({ db }))

  const json = async (method: string, path: string, body?: unknown) => {
    const response = await served.call(method, path, body)
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, unknown>,
    }
  }
  const bounced = (address: string) =>
    db.suppression.create({
      data: {
        address,
        reason: 'hard_bounce',
        provider: 'aisend',
        emailId: 'em_1',
        eventId: 'evt_1',
        createdAt: new Date(5_000),
      },
    })

  it('reports why and since when an address is suppressed, however it is written', async () => {
    await bounced('ada+x@example.com')
    const expected = {
      address: 'ada+x@example.com',
      suppressed: true,
      reason: 'hard_bounce',
      since: new Date(5_000).toISOString(),
      provider: 'aisend',
      emailId: 'em_1',
      eventId: 'evt_1',
    }
    for (const written of ['ada+x@example.com', 'ADA%2Bx%40Example.COM', '%20ada+x@example.com%20']) {
      assert.deepEqual((await json('GET', `/v1/suppressions/${written}`)).body, expected)
    }
    assert.deepEqual((await json('GET', '/v1/suppressions/bob@example.com')).body, {
      address: 'bob@example.com',
      suppressed: false,
    })
  })

  it('takes no text with several addresses for one of them', async () => {
    await bounced('ada@example.com')
    const both = 'Ada <ada@example.com>, Bob <bob@example.com>'
    assert.equal((await served.call('POST', '/v1/suppressions/check', { addresses: [both] })).status, 400)
    const added = await served.call('POST', '/v1/suppressions', {
      address: 'Carol <c@example.com>, Dan <d@example.com>',
    })
    assert.equal(added.status, 400)
    assert.match((await problemIn(added)).detail, /must be one address, not several/)
    assert.equal((await served.call('GET', `/v1/suppressions/${encodeURIComponent(both)}`)).status, 400)
    assert.equal((await served.call('DELETE', `/v1/suppressions/${encodeURIComponent(both)}`)).status, 400)
    assert.equal(await db.suppression.count(), 1)
    const { body } = await json('POST', '/v1/suppressions/check', { addresses: ['"Lovelace, Ada" <ada@example.com>'] })
    assert.equal((body['data'] as { suppressed: boolean }[])[0]?.suppressed, true)
  })

  it('finds, adds and removes an address under every spelling of its domain, also one that an older version stored', async () => {
    const spellings = [
      'ada@bücher.example',
      'ada@BÜCHER.example',
      'ada@bu\u0308cher.example',
      'ADA@xn--bcher-kva.example',
    ]
    const areSuppressed = async () => {
      const { body } = await json('POST', '/v1/suppressions/check', { addresses: spellings })
      const single = await Promise.all(
        spellings.map((address) => json('GET', `/v1/suppressions/${encodeURIComponent(address)}`)),
      )
      const answers = [...(body['data'] as { suppressed: boolean }[]), ...single.map((answer) => answer.body)]
      return [...new Set(answers.map((answer) => answer['suppressed' as never]))]
    }
    for (const stored of ['ada@xn--bcher-kva.example', 'ada@bücher.example']) {
      await bounced(stored)
      assert.deepEqual(await areSuppressed(), [true])
      assert.equal((await served.call('DELETE', '/v1/suppressions/ada@b%C3%BCcher.example')).status, 204)
      assert.deepEqual(await areSuppressed(), [false])
      await db.suppression.deleteMany()
    }
    for (const [index, address] of spellings.entries())
      assert.equal((await served.call('POST', '/v1/suppressions', { address })).status, index === 0 ? 201 : 200)
    assert.equal(await db.suppression.count(), 1)
  })

  it('adds an address with 201, then with 200, also for concurrent requests', async () => {
    const added = await json('POST', '/v1/suppressions', { address: 'Ada <ADA@example.com>' })
    assert.equal(added.status, 201)
    assert.equal(added.headers.get('location'), '/v1/suppressions/ada%40example.com')
    assert.equal(added.body['reason'], 'manual')
    const again = await json('POST', '/v1/suppressions', { address: 'ada@example.com', reason: 'manual' })
    assert.equal(again.status, 200)
    assert.deepEqual(again.body, added.body)
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await json('POST', '/v1/suppressions', { address: 'bob@x.com' })).status),
    )
    assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 200, 200, 200, 201])
    assert.equal(await db.suppression.count(), 2)
  })

  it('keeps the reason of an event when the address is also added by hand', async () => {
    await bounced('ada@x.com')
    const { status, body } = await json('POST', '/v1/suppressions', { address: 'ada@x.com' })
    assert.equal(status, 200)
    assert.equal(body['reason'], 'hard_bounce')
  })

  it('removes an address that is in the body, where no access log has it', async () => {
    await bounced('ada@x.com')
    assert.equal((await served.call('POST', '/v1/suppressions/remove', { address: 'ADA@x.com' })).status, 204)
    assert.equal((await served.call('POST', '/v1/suppressions/remove', { address: 'ada@x.com' })).status, 404)
    assert.equal((await served.call('POST', '/v1/suppressions/remove', { address: 'ada' })).status, 400)
  })

  it('removes an address with 204 and keeps the history; 404 when it is not suppressed', async () => {
    await bounced('ada@x.com')
    assert.equal((await served.call('DELETE', '/v1/suppressions/ADA@x.com')).status, 204)
    const missing = await served.call('DELETE', '/v1/suppressions/ada@x.com')
    assert.equal(missing.status, 404)
    await problemIn(missing)
    assert.equal((await json('GET', '/v1/suppressions/ada@x.com')).body['suppressed'], false)
    assert.equal((await json('POST', '/v1/suppressions', { address: 'ada@x.com' })).status, 201)
    const all = (await json('GET', '/v1/suppressions?includeRemoved=true')).body['data'] as { removedAt: unknown }[]
    assert.deepEqual(
      all.map(({ removedAt }) => removedAt === null),
      [true, false],
    )
    assert.equal(((await json('GET', '/v1/suppressions')).body['data'] as unknown[]).length, 1)
  })

  it('checks up to 1000 addresses, in the order of the request', async () => {
    await bounced('b@x.com')
    const { body } = await json('POST', '/v1/suppressions/check', {
      addresses: ['c@x.com', ' B@X.com', 'a@x.com', 'b@x.com'],
    })
    const suppressed = { suppressed: true, reason: 'hard_bounce', since: new Date(5_000).toISOString() }
    assert.deepEqual(body, {
      data: [
        { address: 'c@x.com', suppressed: false },
        { address: 'b@x.com', ...suppressed },
        { address: 'a@x.com', suppressed: false },
        { address: 'b@x.com', ...suppressed },
      ],
      nextCursor: null,
    })
    const many = Array.from({ length: 1_001 }, (_, index) => `user${index}@x.com`)
    assert.equal((await json('POST', '/v1/suppressions/check', { addresses: many.slice(1) })).status, 200)
    for (const addresses of [many, [], ['nobody'], ['a\u0000@x.com'], ['\ud83d@x.com'], [null], 'a@x.com']) {
      const response = await served.call('POST', '/v1/suppressions/check', { addresses })
      assert.equal(response.status, 400)
      assert.match((await problemIn(response)).errors?.[0]?.path ?? '', /^addresses/)
    }
  })

  it('pages newest first without gap or repeat while others are inserted', async () => {
    const add = (prefix: string, count: number, at: Date) =>
      db.suppression.createMany({
        data: Array.from({ length: count }, (_, index) => ({
          address: `${prefix}${index}@x.com`,
          reason: index % 2 === 0 ? 'manual' : 'complaint',
          createdAt: at,
        })),
      })
    await add('old', 40, new Date(1_000))
    const seen: unknown[] = []
    for (let path = '/v1/suppressions?limit=6', round = 0; ; round++) {
      const { body } = await json('GET', path)
      seen.push(...(body['data'] as { address: string }[]).map(({ address }) => address))
      if (body['nextCursor'] === null) break
      path = `/v1/suppressions?limit=6&cursor=${body['nextCursor']}`
      await add(`new${round}-`, 3, new Date(2_000))
    }
    assert.equal(seen.length, 40)
    assert.equal(new Set(seen).size, 40)
    const complaints = (await json('GET', '/v1/suppressions?reason=complaint&limit=200')).body['data'] as unknown[]
    assert.ok(complaints.length >= 20)
  })

  it('answers 503 within 2 seconds when PostgreSQL takes too long', async () => {
    await db.$transaction(async (holding) => {
      await holding.$executeRaw`LOCK TABLE suppressions`
      const startedAt = performance.now()
      const response = await served.call('GET', '/v1/suppressions/ada@x.com')
      assert.ok(performance.now() - startedAt < 2_000)
      assert.equal(response.status, 503)
      assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
    })
  }).timeout(10_000)

  it('answers 400 to an invalid address, reason or cursor', async () => {
    for (const path of ['/nobody', '/%20', '/a%0Ab@x.com', '?reason=tired', '?includeRemoved=maybe', '?cursor=e30']) {
      assert.equal((await served.call('GET', `/v1/suppressions${path}`)).status, 400, path)
    }
    for (const body of [{}, { address: 5 }, { address: 'ada' }, { address: 'a@x.com', reason: 'hard_bounce' }]) {
      assert.equal((await served.call('POST', '/v1/suppressions', body)).status, 400)
    }
    assert.equal((await served.call('DELETE', '/v1/suppressions/nobody')).status, 400)
  })
})
