import assert from 'node:assert/strict'
import { claimWebhookToken } from '../../src/db/webhook-tokens.ts'
import { useDatabase } from '../stack.ts'

describe('webhook tokens', () => {
  const { db } = useDatabase()
  const claim = (token: string, event: string, provider = 'mailgun') =>
    claimWebhookToken(db, { provider, token, event })

  it('are accepted for their first event, any number of times, and for no other', async () => {
    assert.equal(await claim('t1', 'one'), true)
    assert.equal(await claim('t1', 'two'), false)
    assert.equal(await claim('t1', 'one'), true)
    assert.equal(await claim('t1', 'two'), false)
    assert.equal(await claim('t2', 'two'), true)
    assert.equal(await claim('t1', 'two', 'another'), true)
  })

  it('are claimed by one of two concurrent events', async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => claim('t3', n % 2 ? 'one' : 'two')))
    const winners = new Set(claims.flatMap((isTaken, n) => (isTaken ? [n % 2] : [])))
    assert.equal(winners.size, 1)
    assert.equal(claims.filter(Boolean).length, 10)
  })

  it('are deleted after the lifetime of signatures, a few with each claim', async () => {
    await db.$executeRaw`TRUNCATE webhook_tokens`
    await db.$executeRaw`
      INSERT INTO webhook_tokens SELECT 'mailgun', 'old-' || n, 'event', now() - interval '13 hours' FROM generate_series(1, 25) n`
    await db.$executeRaw`INSERT INTO webhook_tokens VALUES ('mailgun', 'recent', 'event', now() - interval '11 hours')`
    for (const token of ['n1', 'n2', 'n3']) await claim(token, 'event')
    const left = await db.webhookToken.findMany({ orderBy: { token: 'asc' } })
    assert.deepEqual(
      left.map(({ token }) => token),
      ['n1', 'n2', 'n3', 'recent'],
    )
  })
})
