import assert from 'node:assert/strict'
import { writeRecipientDomains } from '../../src/db/recipient-domains.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

const now = Date.UTC(2026, 10, 20, 12, 30)
const hourMs = 3_600_000

describe('GET /v1/analytics', () => {
  const { db } = useDatabase()
  const served = useApi(() => ({ db, clock: () => now }))
  before(async () => {
    const at = (hoursAgo: number) => new Date(now - hoursAgo * hourMs)
    const email = { provider: 'aisend', recipientDomain: 'example.com', status: 'sent', delivery: 'sent', revision: 1 }
    const arrived = { delivery: 'delivered', status: 'delivered', settledReceivedAt: at(0) }
    await db.email.createMany({
      data: [
        { ...email, ...arrived, id: '1', createdAt: at(1), sentAt: at(1), deliveredAt: new Date(+at(1) + 2_000) },
        { ...email, ...arrived, id: '2', createdAt: at(2), opensTotal: 3, opensHuman: 1, tags: ['invitation'] },
        { ...email, id: '3', createdAt: at(30), delivery: 'bounced', status: 'bounced', bounceClass: 'hard' },
        { ...email, id: '4', createdAt: at(31 * 24) },
      ],
    })
  })

  const answerTo = async (path: string) => {
    const response = await served.call('GET', `/v1/analytics/${path}`)
    assert.equal(response.status, 200, path)
    return response.json()
  }

  it('summarizes the last 30 days, each rate with numerator and denominator', async () => {
    const summary = await answerTo('summary')
    assert.deepEqual([summary.from, summary.to], ['2026-10-21T12:00:00.000Z', '2026-11-20T13:00:00.000Z'])
    assert.deepEqual([summary.emails, summary.sent, summary.delivered], [3, 3, 2])
    assert.deepEqual(summary.deliverability, { numerator: 2, denominator: 3, rate: 2 / 3 })
    assert.deepEqual(summary.hardBounces, { numerator: 1, denominator: 3, rate: 1 / 3 })
    assert.deepEqual(summary.opens.human, { numerator: 1, denominator: 2, rate: 0.5 })
    assert.deepEqual([summary.deliveryTimeMs.count, summary.deliveryTimeMs.mean], [1, 2_000])
  })

  it('answers null for rates and times without data', async () => {
    const summary = await answerTo('summary?domain=nobody.example')
    assert.deepEqual([summary.deliverability.rate, summary.deliveryTimeMs.p50, summary.emails], [null, null, 0])
  })

  it('returns whole buckets, empty ones included', async () => {
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

  it('breaks down recipients by the reason of the failure, the party and the mailbox provider', async () => {
    const at = new Date(now - 3 * hourMs)
    const email = { provider: 'aisend', createdAt: at, delivery: 'bounced', status: 'bounced', settledReceivedAt: at }
    const failure = { bounceClass: 'hard', failureReason: 'authentication', failureParty: 'sender' }
    await db.email.create({ data: { ...email, ...failure, id: 'several', recipientDomain: 'gmail.com' } })
    const recipient = { provider: 'aisend', emailId: 'several', firstReceivedAt: at, settledReceivedAt: at }
    await db.emailRecipient.createMany({
      data: [
        { ...recipient, ...failure, key: 'a', domain: 'gmail.com', delivery: 'failed' },
        { ...recipient, key: 'b', domain: 'gmail.com', delivery: 'delivered' },
        { ...recipient, key: 'c', domain: 'example.com', delivery: 'delivered' },
      ],
    })
    await writeRecipientDomains(db, [{ domain: 'gmail.com', mailboxProvider: 'gmail', foundBy: 'domain' }])
    const figures = async (by: string) => {
      const { counts, data } = await answerTo(`breakdown?by=${by}&from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z`)
      assert.equal(counts, 'recipients')
      return data.map((part: { value: string; emails: number; failures: { numerator: number } }) => [
        part.value,
        part.emails,
        part.failures.numerator,
      ])
    }
    assert.deepEqual(await figures('reason'), [['authentication', 1, 1]])
    assert.deepEqual(await figures('party'), [['sender', 1, 1]])
    assert.deepEqual(await figures('mailboxProvider'), [
      ['gmail', 2, 1],
      ['other', 1, 0],
    ])
    const summary = await answerTo('summary?from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z')
    assert.deepEqual([summary.emails, summary.recipients, summary.deliveredRecipients], [1, 3, 2])
    assert.equal((await answerTo('breakdown?by=tag')).counts, 'emails')
    await db.email.delete({ where: { id_provider: { id: 'several', provider: 'aisend' } } })
  })

  it('answers 400 to invalid queries, with the path of the error', async () => {
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
