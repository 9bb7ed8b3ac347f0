import assert from 'node:assert/strict'
import type { WebhookCount } from '../../src/db/webhook-minutes.ts'
import { addWebhookCounts, readProviderTraffic } from '../../src/db/webhook-minutes.ts'
import { createWebhookCounts } from '../../src/webhooks/webhook-counts.ts'
import { eventBody, serve } from '../api/served.ts'
import { useDatabase } from '../stack.ts'

describe('the count of webhooks', () => {
  it('distinguishes genuine from refused ones, and is written once', async () => {
    const written: (readonly WebhookCount[])[] = []
    const webhookCounts = createWebhookCounts({
      write: async (counts) => written.push(counts),
      writeEveryMs: 3_600_000,
    })
    const served = await serve({ webhookCounts })
    for (let n = 0; n < 3; n++) await served.webhook(eventBody())
    for (let n = 0; n < 2; n++) await served.webhook(eventBody(), { 'x-webhook-signature': 'wrong' })
    await fetch(`${served.url}/webhooks/nobody`, { method: 'POST' })
    await served.stop()
    await webhookCounts.close()
    assert.deepEqual(written, [[{ provider: 'aisend', genuine: 3, refused: 2 }]])
  })

  it('survives a database that does not answer', async () => {
    const counts = createWebhookCounts({ write: () => Promise.reject(new Error('away')), writeEveryMs: 3_600_000 })
    counts.count('aisend', true)
    await counts.close()
  })
})

describe('the traffic of providers', () => {
  const database = useDatabase('emails, webhook_minutes')
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
  const sendAt = (minutes: number, settled = false) =>
    database.db.email.create({
      data: {
        id: `em_${minutes}_${settled}`,
        provider: 'aisend',
        status: 'sent',
        delivery: 'sent',
        createdAt: minutesAgo(minutes),
        settledReceivedAt: settled ? new Date() : null,
      },
    })
  const cameAt = (minutes: number, genuine: number, refused: number) =>
    database.db.webhookMinute.create({ data: { provider: 'aisend', minute: minutesAgo(minutes), genuine, refused } })
  const traffic = async () => {
    const [found] = await readProviderTraffic(database.db, 600_000)
    return found && { ...found, silentForMs: Math.round(found.silentForMs / 60_000) }
  }

  it('adds up what instances counted within the same minute', async () => {
    const { db } = database
    const counts = [{ provider: 'aisend', genuine: 2, refused: 5 }]
    await Promise.all([1, 2, 3].map(() => addWebhookCounts(db, counts)))
    assert.equal((await traffic())?.signatureFailures, 15)
  })

  it('counts wrong and right signatures of the window only', async () => {
    await cameAt(11, 50, 100)
    await cameAt(5, 7, 3)
    assert.deepEqual([(await traffic())?.signatureFailures, (await traffic())?.genuine], [3, 7])
  })

  it('is silent since the first pending email sent after the last webhook', async () => {
    await sendAt(500)
    await sendAt(300)
    await sendAt(200)
    assert.equal((await traffic())?.silentForMs, 500, 'no webhook was ever received')
    await database.db.email.updateMany({ where: { id: 'em_500_false' }, data: { status: 'queued' } })
    assert.equal((await traffic())?.silentForMs, 300, 'a queued email still waits for its sender')
    await cameAt(400, 1, 0)
    assert.equal((await traffic())?.silentForMs, 300)
    await cameAt(100, 0, 9)
    assert.equal((await traffic())?.silentForMs, 300, 'a refused webhook does not end the silence')
    await cameAt(90, 1, 0)
    assert.equal((await traffic())?.silentForMs, 0)
    await sendAt(50, true)
    assert.equal((await traffic())?.silentForMs, 0, 'a settled email waits for no webhook')
  })
})
