import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import type { ProviderApi } from '../../src/providers/provider-api.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

const at = new Date(Date.UTC(2026, 10, 30, 10, 42))
const api: ProviderApi = {
  fetchEvents: async () => [],
  history: {
    retainedMs: 30 * 86_400_000,
    requestsPerSecond: 1,
    delayMs: 0,
    read: async () => ({ events: [], next: null }),
  },
  suppressionLists: { requestsPerSecond: 1, read: async () => ({ entries: [], next: null }) },
}

describe('the pages of the dashboard, of what was compared with providers,', () => {
  const { db } = useDatabase('emails, events, reconciliations')
  const { visitor } = useDashboard(() => ({ db, providerApis: new Map([['aisend', api]]) }))

  const textOf = async (path: string) => (await visitor.html(path)).replace(/<[^>]+>/g, '').replace(/\s+/g, ' ')
  const audited = (different: Readonly<Record<string, number>>, id = 'rec_1') =>
    db.reconciliation.create({
      data: {
        ...{ id, provider: 'aisend', kind: 'audit', from: at, to: at, finishedAt: at, startedBy: 'ada' },
        statement: {
          emails: { compared: 12_481, equal: 12_481, healed: 0, different },
          addresses: { compared: 310, equal: 310, healed: 0, different: {} },
        },
      },
    })

  it('have the last statement on Overview, with the reason of each difference', async () => {
    await audited({})
    assert.match(
      await textOf('/'),
      /Agrees with AISend as of .*10:42.*: 12,481 emails, 310 suppressed addresses, 0 differences\./,
    )
    await audited({ not_kept: 2, quarantined: 1 }, 'rec_2')
    const differing = await textOf('/')
    assert.match(differing, /Differs from AISend as of .*: 12,481 emails, 310 suppressed addresses, 3 differences\./)
    assert.match(differing, /2 emails: the provider does not know it any more/)
    assert.doesNotMatch(differing, /Agrees with/)
  })

  it('say in Setup what the API can do, and start an audit', async () => {
    const setup = await textOf('/setup')
    assert.match(setup, /Record of all emails ?Compared every 15 minutes/)
    assert.match(setup, /Suppression lists ?Merged every hour; cannot be changed/)
    assert.equal((await visitor.post('/setup/reconcile', { provider: 'aisend', kind: 'audit' })).status, 303)
    const { kind, from, startedBy } = await db.reconciliation.findFirstOrThrow()
    assert.deepEqual([kind, startedBy], ['audit', 'grace'])
    assert.ok(Date.now() - from.getTime() > 6.9 * 86_400_000)
  })

  it('mark an email that only reconciling has found', async () => {
    await insertEvents(db, [receivedEvent({ emailId: 'em_found', foundBy: 'reconciling' })])
    const page = await textOf('/emails/aisend/em_found')
    assert.match(page, /Found by reconciling: in the provider’s record, and no webhook brought it/)
    assert.match(page, /Found by ?Reconciling: nobody registered it, and no webhook reported it/)
    await insertEvents(db, [receivedEvent({ emailId: 'em_found', id: 'evt_2', type: 'delivered' })])
    assert.doesNotMatch(await textOf('/emails/aisend/em_found'), /nobody registered it/)
  })
})
