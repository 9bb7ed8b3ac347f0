import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { claimWebhookToken } from '../../src/db/webhook-tokens.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

describe('tokens of webhooks', () => {
  let database: TestDatabase
  let db: Database
  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())

  const claim = (token: string, event: string, provider = 'mailgun') =>
    claimWebhookToken(db, { provider, token, event })

  it('are good for the event that they first came with, however often, and for no other', async () => {
    assert.equal(await claim('t1', 'one'), true)
    assert.equal(await claim('t1', 'two'), false)
    assert.equal(await claim('t1', 'one'), true)
    assert.equal(await claim('t1', 'two'), false)
    assert.equal(await claim('t2', 'two'), true)
    assert.equal(await claim('t1', 'two', 'another'), true)
  })

  it('are given to one of two events that come at the same moment', async () => {
    const claims = await Promise.all(Array.from({ length: 20 }, (_, n) => claim('t3', n % 2 ? 'one' : 'two')))
    const winners = new Set(claims.flatMap((isTaken, n) => (isTaken ? [n % 2] : [])))
    assert.equal(winners.size, 1)
    assert.equal(claims.filter(Boolean).length, 10)
  })

  it('are forgotten when no signature with them can be genuine any more, a few with each that comes', async () => {
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
