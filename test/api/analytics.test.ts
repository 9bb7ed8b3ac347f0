import assert from 'node:assert/strict'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { problemIn, type Served, serve } from './served.ts'

const now = Date.UTC(2026, 10, 20, 12, 30)
const hourMs = 3_600_000

describe('GET /v1/analytics', () => {
  let database: TestDatabase
  let served: Served
  before(async () => {
    database = await testDatabase()
    const at = (hoursAgo: number) => new Date(now - hoursAgo * hourMs)
    const email = { provider: 'aisend', recipientDomain: 'example.com', status: 'sent', delivery: 'sent', revision: 1 }
    const arrived = { delivery: 'delivered', status: 'delivered', settledReceivedAt: at(0) }
    await database.db.email.createMany({
      data: [
        { ...email, ...arrived, id: '1', createdAt: at(1), sentAt: at(1), deliveredAt: new Date(+at(1) + 2_000) },
        { ...email, ...arrived, id: '2', createdAt: at(2), opensTotal: 3, opensHuman: 1, tags: ['invitation'] },
        { ...email, id: '3', createdAt: at(30), delivery: 'bounced', status: 'bounced', bounceClass: 'hard' },
        { ...email, id: '4', createdAt: at(31 * 24) },
      ],
    })
    served = await serve({ db: database.db, clock: () => now })
  })
  after(async () => {
    await served.stop()
    await database.drop()
  })

  const answerTo = async (path: string) => {
    const response = await served.call('GET', `/v1/analytics/${path}`)
    assert.equal(response.status, 200, path)
    return response.json()
  }

  it('sums up the last 30 days, each rate with what it was made of', async () => {
    const summary = await answerTo('summary')
    assert.deepEqual([summary.from, summary.to], ['2026-10-21T12:00:00.000Z', '2026-11-20T13:00:00.000Z'])
    assert.deepEqual([summary.emails, summary.sent, summary.delivered], [3, 3, 2])
    assert.deepEqual(summary.deliverability, { numerator: 2, denominator: 3, rate: 2 / 3 })
    assert.deepEqual(summary.hardBounces, { numerator: 1, denominator: 3, rate: 1 / 3 })
    assert.deepEqual(summary.opens.human, { numerator: 1, denominator: 2, rate: 0.5 })
    assert.deepEqual([summary.deliveryTimeMs.count, summary.deliveryTimeMs.mean], [1, 2_000])
  })

  it('answers null, not a guess, for a rate or a time of nothing', async () => {
    const summary = await answerTo('summary?domain=nobody.example')
    assert.deepEqual([summary.deliverability.rate, summary.deliveryTimeMs.p50, summary.emails], [null, null, 0])
  })

  it('takes whole buckets, and fills those in which nothing happened', async () => {
    const query = 'from=2026-11-20T09:15:00Z&to=2026-11-20T12:30:00Z'
    const { data, from, to } = await answerTo(`timeseries?bucket=hour&${query}`)
    assert.deepEqual([from, to], ['2026-11-20T09:00:00.000Z', '2026-11-20T13:00:00.000Z'])
    assert.deepEqual(
      data.map((bucket: { startsAt: string; emails: number }) => [bucket.startsAt.slice(11, 13), bucket.emails]),
      [
        ['09', 0],
        ['10', 1],
        ['11', 1],
        ['12', 0],
      ],
    )
    const daily = await answerTo(`timeseries?bucket=day&${query}`)
    assert.deepEqual([daily.from, daily.data.length], ['2026-11-20T00:00:00.000Z', 1])
  })

  it('breaks down by tag, and filters', async () => {
    const { data } = await answerTo('breakdown?by=tag')
    assert.deepEqual(
      data.map(({ value, emails }: { value: string; emails: number }) => [value, emails]),
      [['invitation', 1]],
    )
    assert.equal((await answerTo('summary?tag=invitation&provider=aisend&priority=normal')).emails, 1)
  })

  it('refuses what it cannot answer, and says where the mistake is', async () => {
    const wrong = {
      from: 'summary?from=yesterday',
      to: 'summary?to=2026-11-20',
      by: 'breakdown?by=colour',
      bucket: 'timeseries?bucket=hour&from=2026-01-01T00:00:00Z',
    }
    for (const [path, request] of Object.entries(wrong)) {
      const problem = await problemIn(await served.call('GET', `/v1/analytics/${request}`))
      assert.deepEqual([problem.status, problem.errors?.[0]?.path], [400, path], request)
    }
    const backwards = 'summary?from=2026-11-20T10:00:00Z&to=2026-11-20T10:00:00Z'
    assert.equal((await problemIn(await served.call('GET', `/v1/analytics/${backwards}`))).errors?.[0]?.path, 'from')
    assert.equal((await fetch(`${served.url}/v1/analytics/summary`)).status, 401)
  })
})
