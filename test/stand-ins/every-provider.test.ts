import assert from 'node:assert/strict'
import { eventProviders } from '../../src/providers/registry.ts'
import { planEmails, planFor } from '../../src/simulator/plan.ts'
import { fillStandIn } from '../../src/simulator/played-stand-in.ts'
import { startStandInFor } from '../../src/stand-ins/registry.ts'
import { adapterOf } from '../providers/adapter.ts'

describe('the stand-in for', () => {
  for (const entry of eventProviders) {
    it(`${entry.title} has webhooks that its adapter verifies and reads as the events that were added`, async () => {
      const { sampleFormat, generateSecret } = entry
      const { accepted, signing } = generateSecret()
      const standIn = await startStandInFor(entry, { webhookSecret: signing })
      try {
        const { timeResolutionMs, emailIdOf } = sampleFormat
        const form = { emails: 25, rate: 100, seed: 5, speed: 600, run: 'every', timeResolutionMs, emailIdOf }
        const plan = planFor(entry, planEmails(form))
        const now = Date.now()
        const webhookOf = fillStandIn(standIn, plan, Math.floor(now / 1_000) * 1_000 - 3_600_000)
        const provider = adapterOf(entry.name)
        for (const email of plan) {
          for (const event of email.events) {
            const { headers, body } = webhookOf(event)
            const rawBody = Buffer.from(body)
            assert.equal(await provider.verify(rawBody, headers, [accepted]), true)
            const [read] = provider.parse(rawBody, now, headers)
            assert.deepEqual([read?.type, read?.emailId], [event.type, email.id])
            assert.equal(read?.quarantinedReason, undefined)
          }
        }
        assert.ok(standIn.webhooks().length >= plan.flatMap(({ events }) => events).length)
        assert.throws(() => standIn.addEvent('unknown', { type: 'delivered', recipient: null, at: now }))
      } finally {
        standIn.close()
      }
    })
  }
})
