import assert from 'node:assert/strict'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { createProviderHttp, type ProviderHttp, type ProviderHttpOptions } from '../../src/providers/provider-http.ts'
import { type ApiStandIn, startApiStandIn } from './api-stand-in.ts'

describe("a provider's API over HTTP", () => {
  let standIn: ApiStandIn
  let http: ProviderHttp

  beforeEach(async () => {
    standIn = await startApiStandIn()
    http = httpOf()
  })
  afterEach(() => standIn.close())

  const httpOf = (more: Partial<ProviderHttpOptions> = {}) =>
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

  /** Answers one after the other, and the last one to all further requests. */
  const answerInTurn = (...answers: [status: number, headers?: Record<string, string>][]) => {
    standIn.answer = (_, response) => {
      const [status, headers = {}] = answers[Math.min(standIn.requests.length, answers.length) - 1] ?? [500]
      response.writeHead(status, headers).end('{"id":"x"}')
    }
  }

  it('sends JSON with the key, and returns the parsed answer', async () => {
    standIn.answerWith(200, { id: 'em_1' })
    assert.deepEqual(await post(false), { status: 200, json: { id: 'em_1' } })
    const [request] = standIn.requests
    assert.deepEqual([request?.method, request?.url, request?.body], ['POST', '/emails', { a: 1 }])
    assert.deepEqual(
      [request?.headers.authorization, request?.headers['content-type']],
      ['Bearer key-7', 'application/json'],
    )
  })

  it('sends other headers with the key where the provider has its own', async () => {
    standIn.answerWith(200, {})
    http = httpOf({ authenticate: async () => ({ 'x-token': 'key-7' }) })
    await get()
    const { authorization, ...headers } = standIn.requests[0]?.headers ?? {}
    assert.deepEqual([authorization, headers['x-token']], [undefined, 'key-7'])
  })

  it('reads an answer of 1 MiB, unless the request allows for a longer one', async () => {
    standIn.answerWith(200, 'x'.repeat(1_048_577))
    await assert.rejects(get(), /longer than 1048576 bytes/)
    const longer = { method: 'GET', path: '/emails/1', isRepeatable: true, maxAnswerBytes: 2_000_000 } as const
    assert.equal((await http.request(longer)).status, 200)
  })

  for (const status of [408, 429, 500, 503]) {
    it(`retries a repeatable request after ${status}`, async () => {
      answerInTurn([status], [status], [200])
      assert.equal((await get()).status, 200)
      assert.equal(standIn.requests.length, 3)
    })
  }

  it('sends a request three times at most', async () => {
    answerInTurn([503])
    await assert.rejects(get(), ProviderUnreachableError)
    assert.equal(standIn.requests.length, 3)
  })

  it('does not retry a request that is not repeatable', async () => {
    answerInTurn([503])
    await assert.rejects(post(false), ProviderUnreachableError)
    assert.equal(standIn.requests.length, 1)
  })

  it('waits as long as Retry-After says', async () => {
    answerInTurn([429, { 'retry-after': '1' }], [200])
    await get()
    const [first, second] = standIn.requests
    assert.ok(first && second && second.at - first.at >= 990)
  })

  it('leaves a longer wait to the caller, and reports its length', async () => {
    answerInTurn([503, { 'retry-after': '60' }])
    await assert.rejects(get(), { name: 'ProviderUnreachableError', retryAfterMs: 60_000 })
    assert.equal(standIn.requests.length, 1)
    answerInTurn([503, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }])
    await assert.rejects(get(), (error: ProviderUnreachableError) => (error.retryAfterMs ?? 0) > 85_000)
  })

  it('stops at the deadline for all attempts', async () => {
    standIn.answer = () => {}
    http = httpOf({ timeoutMs: 300 })
    const startedAt = Date.now()
    await assert.rejects(get(), /no answer from Postino within 300 ms/)
    assert.ok(Date.now() - startedAt < 1_000)
  })

  it('opens the circuit after three failures, and fails at once while it is open', async () => {
    answerInTurn([500])
    for (let failures = 0; failures < 3; failures++) await assert.rejects(post(false), /Postino answered 500/)
    await assert.rejects(get(), { name: 'ProviderUnreachableError', mayHaveArrived: false, retryAfterMs: 15_000 })
    assert.equal(standIn.requests.length, 3)
  })

  it('does not count rate limits as failures', async () => {
    answerInTurn([429, { 'retry-after': '60' }])
    for (let answers = 0; answers < 5; answers++) await assert.rejects(get(), { isRateLimited: true })
    assert.equal(standIn.requests.length, 5)
  })

  it('retries neither a refused key nor a refused request', async () => {
    for (const status of [401, 403]) {
      answerInTurn([status])
      await assert.rejects(
        get(),
        (error) => error instanceof ProviderRefusedError && /POSTINO_API_KEY/.test(error.message),
      )
    }
    for (const status of [400, 409, 422]) {
      answerInTurn([status])
      await assert.rejects(get(), (error) => error instanceof EmailRefusedError && error.status === status)
    }
    assert.equal(standIn.requests.length, 5)
  })

  it('reports whether a failed request may have been executed', async () => {
    answerInTurn([502])
    await assert.rejects(post(false), { mayHaveArrived: true })
    answerInTurn([429])
    await assert.rejects(post(false), { mayHaveArrived: false })
    standIn.answer = (_, response) => response.destroy()
    await assert.rejects(post(false), { mayHaveArrived: true })
    standIn.close()
    await assert.rejects(post(false), { mayHaveArrived: false })
  })

  it('follows no redirect, which could carry the key elsewhere', async () => {
    answerInTurn([302, { location: `${standIn.apiUrl}/elsewhere` }])
    await assert.rejects(post(false), ProviderUnreachableError)
    assert.equal(standIn.requests.length, 1)
  })
})
