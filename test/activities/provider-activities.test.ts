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

  it('is skipped without an API key, and for senders of which Aftersend knows no API; the note says which', async () => {
    for (const [provider, variable] of [
      ['aisend', 'AISEND_API_KEY'],
      ['sparkpost', 'SPARKPOST_API_KEY'],
      ['my-shop:ses', 'SES_API_KEY_MY_SHOP'],
    ] as const) {
      assert.match(await noteFor(provider), new RegExp(`was not asked: no API key is set \\(${variable}\\)\\.$`))
    }
    const unknown = (title: string) => new RegExp(`was not asked: Aftersend knows no API of ${title} that says what`)
    assert.match(await noteFor('standard-webhooks'), unknown('Standard Webhooks'))
    assert.match(await noteFor('shop:acme'), unknown('acme'), 'a mapped sender')
  })
})
