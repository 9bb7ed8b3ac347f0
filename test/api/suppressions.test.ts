import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { testDatabase } from '../stack.ts'
import { problemIn, type Served, serve } from './served.ts'

describe('/v1/suppressions', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>
  let db: Database
  let served: Served

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    await db.suppression.deleteMany()
    served = await serve({ db })
  })
  afterEach(() => served.stop())

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

  it('says why and since when an address is suppressed, however it is written', async () => {
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

  it('is added by hand with 201, again with 200, also when many add it at once', async () => {
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

  it('keeps the reason of an event when it is added by hand as well', async () => {
    await bounced('ada@x.com')
    const { status, body } = await json('POST', '/v1/suppressions', { address: 'ada@x.com' })
    assert.equal(status, 200)
    assert.equal(body['reason'], 'hard_bounce')
  })

  it('is removed with 204 and kept as history; 404 when it is not suppressed', async () => {
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

  it('checks up to 1000 addresses, answering in the order asked', async () => {
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

  it('answers 503 within 2 seconds when PostgreSQL is there but does not come to an answer', async () => {
    await db.$transaction(async (holding) => {
      await holding.$executeRaw`LOCK TABLE suppressions`
      const startedAt = performance.now()
      const response = await served.call('GET', '/v1/suppressions/ada@x.com')
      assert.ok(performance.now() - startedAt < 2_000)
      assert.equal(response.status, 503)
      assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
    })
  }).timeout(10_000)

  it('answers 400 to what is no address, reason or cursor', async () => {
    for (const path of ['/nobody', '/%20', '/a%0Ab@x.com', '?reason=tired', '?includeRemoved=maybe', '?cursor=e30']) {
      assert.equal((await served.call('GET', `/v1/suppressions${path}`)).status, 400, path)
    }
    for (const body of [{}, { address: 5 }, { address: 'ada' }, { address: 'a@x.com', reason: 'hard_bounce' }]) {
      assert.equal((await served.call('POST', '/v1/suppressions', body)).status, 400)
    }
    assert.equal((await served.call('DELETE', '/v1/suppressions/nobody')).status, 400)
  })
})
