import assert from 'node:assert/strict'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider.ts'
import { createProviderHttp, type ProviderHttp } from '../../src/providers/provider-http.ts'
import { type ApiStandIn, startApiStandIn } from './api-stand-in.ts'

describe("a provider's API over HTTP", () => {
  let standIn: ApiStandIn
  let http: ProviderHttp

  beforeEach(async () => {
    standIn = await startApiStandIn()
    http = httpOf()
  })
  afterEach(() => standIn.close())

  const httpOf = (more: { timeoutMs?: number; firstPauseMs?: number } = {}) =>
    createProviderHttp({
      title: 'Postino',
      keySetting: 'POSTINO_API_KEY',
      apiUrl: standIn.apiUrl,
      apiKey: 'key-7',
      timeoutMs: 3_000,
      firstPauseMs: 10,
      ...more,
    })
  const get = () => http.request({ method: 'GET', path: '/emails/1', isRepeatable: true })
  const post = (isRepeatable: boolean) =>
    http.request({ method: 'POST', path: '/emails', body: { a: 1 }, isRepeatable })

  /** Answers in turn; the last one for all further requests. */
  const saysInTurn = (...answers: [status: number, headers?: Record<string, string>][]) => {
    standIn.answer = (_, response) => {
      const [status, headers = {}] = answers[Math.min(standIn.asked.length, answers.length) - 1] ?? [500]
      response.writeHead(status, headers).end('{"id":"x"}')
    }
  }

  it('sends JSON with the key, and gives the answer back parsed', async () => {
    standIn.says(200, { id: 'em_1' })
    assert.deepEqual(await post(false), { status: 200, json: { id: 'em_1' } })
    const [asked] = standIn.asked
    assert.deepEqual([asked?.method, asked?.url, asked?.body], ['POST', '/emails', { a: 1 }])
    assert.deepEqual(
      [asked?.headers.authorization, asked?.headers['content-type']],
      ['Bearer key-7', 'application/json'],
    )
  })

  for (const status of [408, 429, 500, 503]) {
    it(`tries again after ${status} where trying twice does no more than once`, async () => {
      saysInTurn([status], [status], [200])
      assert.equal((await get()).status, 200)
      assert.equal(standIn.asked.length, 3)
    })
  }

  it('tries three times at most', async () => {
    saysInTurn([503])
    await assert.rejects(get(), ProviderUnreachableError)
    assert.equal(standIn.asked.length, 3)
  })

  it('never repeats by itself what would be done twice', async () => {
    saysInTurn([503])
    await assert.rejects(post(false), ProviderUnreachableError)
    assert.equal(standIn.asked.length, 1)
  })

  it('waits as long as Retry-After says', async () => {
    saysInTurn([429, { 'retry-after': '1' }], [200])
    await get()
    const [first, second] = standIn.asked
    assert.ok(first && second && second.at - first.at >= 990)
  })

  it('leaves a longer wait to its caller, and says how long', async () => {
    saysInTurn([503, { 'retry-after': '60' }])
    await assert.rejects(get(), { name: 'ProviderUnreachableError', retryAfterMs: 60_000 })
    assert.equal(standIn.asked.length, 1)
    saysInTurn([503, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }])
    await assert.rejects(get(), (error: ProviderUnreachableError) => (error.retryAfterMs ?? 0) > 85_000)
  })

  it('stops at its deadline, tries and all', async () => {
    standIn.answer = () => {}
    http = httpOf({ timeoutMs: 300 })
    const beganAt = Date.now()
    await assert.rejects(get(), /no answer from Postino within 300 ms/)
    assert.ok(Date.now() - beganAt < 1_000)
  })

  it('asks no more for a while when nothing was heard again and again, and soon says so', async () => {
    saysInTurn([500])
    for (let failures = 0; failures < 3; failures++) await assert.rejects(post(false), /Postino answered 500/)
    await assert.rejects(get(), { name: 'ProviderUnreachableError', mayHaveArrived: false, retryAfterMs: 15_000 })
    assert.equal(standIn.asked.length, 3)
  })

  it('does not take a provider that has enough of us for one that is away', async () => {
    saysInTurn([429, { 'retry-after': '60' }])
    for (let refusals = 0; refusals < 5; refusals++) await assert.rejects(get(), { isRateLimited: true })
    assert.equal(standIn.asked.length, 5)
  })

  it('tells a refused key and a refused request from a passing trouble, and repeats neither', async () => {
    for (const status of [401, 403]) {
      saysInTurn([status])
      await assert.rejects(
        get(),
        (error) => error instanceof ProviderRefusedError && /POSTINO_API_KEY/.test(error.message),
      )
    }
    for (const status of [400, 409, 422]) {
      saysInTurn([status])
      await assert.rejects(get(), (error) => error instanceof EmailRefusedError && error.status === status)
    }
    assert.equal(standIn.asked.length, 5)
  })

  it('knows whether a request that failed may have been carried out', async () => {
    saysInTurn([502])
    await assert.rejects(post(false), { mayHaveArrived: true })
    saysInTurn([429])
    await assert.rejects(post(false), { mayHaveArrived: false })
    standIn.answer = (_, response) => response.destroy()
    await assert.rejects(post(false), { mayHaveArrived: true })
    standIn.close()
    await assert.rejects(post(false), { mayHaveArrived: false })
  })

  it('follows no redirect, which could carry the key elsewhere', async () => {
    saysInTurn([302, { location: `${standIn.apiUrl}/elsewhere` }])
    await assert.rejects(post(false), ProviderUnreachableError)
    assert.equal(standIn.asked.length, 1)
  })
})
