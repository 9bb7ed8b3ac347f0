import assert from 'node:assert/strict'
import { createProviderActivities } from '../../src/activities/provider-activities.ts'
import { absentDatabase, quietMetrics } from '../api/served.ts'

describe('asking the provider', () => {
  const db = absentDatabase()
  after(() => db.$disconnect())
  const { askProvider } = createProviderActivities({
    db,
    channels: [],
    providerApis: new Map(),
    metrics: quietMetrics(),
  })
  const noteFor = async (provider: string) => (await askProvider({ provider, emailId: 'em_1' })).note

  it('is skipped without an API key, and for providers without an API; the note says which', async () => {
    for (const provider of ['aisend', 'resend', 'shop:ses']) {
      assert.match(await noteFor(provider), /was not asked: no API key is set\.$/, provider)
    }
    assert.match(await noteFor('standard-webhooks'), /was not asked: Standard Webhooks cannot be asked\.$/)
    assert.match(await noteFor('shop:acme'), /was not asked: acme cannot be asked\.$/, 'a mapped sender')
  })
})
