import assert from 'node:assert/strict'
import { createProviderListActivities } from '../../src/activities/provider-list-activities.ts'
import { erasedKeyOf } from '../../src/db/erased-address.ts'
import { addManualSuppression, removeSuppression } from '../../src/db/suppressions.ts'
import { type ListedAddress, ProviderRefusedError, type SuppressionLists } from '../../src/providers/provider-api.ts'
import { useDatabase } from '../stack.ts'
import { failureOf, onAttempt } from './attempt.ts'

const hourMs = 3_600_000

describe('merging the suppression lists of providers', () => {
  const { db } = useDatabase('suppressions')

  /** Two entries on a page. */
  const listsOf = (entries: readonly ListedAddress[]): SuppressionLists => ({
    requestsPerSecond: 1_000,
    async read(cursor) {
      const at = Number(cursor ?? 0)
      return { entries: entries.slice(at, at + 2), next: at + 2 < entries.length ? String(at + 2) : null }
    },
  })
  const merge = (suppressionLists: SuppressionLists, provider = 'sendgrid') => {
    const providerApis = new Map([[provider, { suppressionLists }]])
    const activities = createProviderListActivities({ db, providerApis, clock: Date.now })
    return onAttempt(1, () => activities.mergeSuppressions({ provider }))
  }
  const listed = (address: string, since: number | null = null): ListedAddress => ({
    ...{ address, since },
    reason: 'hard_bounce',
  })
  const active = async () => {
    const rows = await db.suppression.findMany({ where: { removedAt: null }, orderBy: { address: 'asc' } })
    return rows.map(({ address }) => address)
  }

  it('adds who is missing, and says where it comes from; a second time nobody', async () => {
    await addManualSuppression(db, 'default', 'bob@example.com')
    const entries = ['ada', 'bob', 'cyd', 'ada'].map((name) => listed(`${name}@example.com`))
    assert.deepEqual(await merge(listsOf(entries)), { listed: 4, added: 2 })
    assert.deepEqual(await active(), ['ada@example.com', 'bob@example.com', 'cyd@example.com'])
    const { reason, provider, addedBy, eventId } = await db.suppression.findFirstOrThrow({
      where: { address: 'ada@example.com' },
    })
    assert.deepEqual([reason, provider, addedBy, eventId], ['hard_bounce', 'sendgrid', 'provider list', null])
    assert.deepEqual(await merge(listsOf(entries)), { listed: 4, added: 0 })
  })

  it('does not undo that a person removed somebody, unless the provider added them later', async () => {
    await addManualSuppression(db, 'default', 'ada@example.com')
    await removeSuppression(db, 'default', 'ada@example.com', { by: 'eve', note: 'asked by phone' })
    for (const since of [null, Date.now() - hourMs]) await merge(listsOf([listed('ada@example.com', since)]))
    assert.deepEqual(await active(), [])
    await merge(listsOf([listed('ada@example.com', Date.now() + hourMs)]))
    assert.deepEqual(await active(), ['ada@example.com'])
  })

  it('knows whom it has under a keyed hash', async () => {
    const address = erasedKeyOf(db, 'ada@example.com') ?? ''
    await db.suppression.create({ data: { address, reason: 'hard_bounce' } })
    assert.deepEqual(await merge(listsOf([listed('ada@example.com')])), { listed: 1, added: 0 })
  })

  it('adds to the list of the provider’s project', async () => {
    await merge(listsOf([listed('ada@example.com')]), 'shop:sendgrid')
    const { project, provider } = await db.suppression.findFirstOrThrow()
    assert.deepEqual([project, provider], ['shop', 'shop:sendgrid'])
  })

  it('ends when the key is refused, and names no address in its failure', async () => {
    const refusing: SuppressionLists = {
      requestsPerSecond: 1,
      read: async () => Promise.reject(new ProviderRefusedError('SendGrid refuses the API key with 403')),
    }
    const failure = await failureOf(merge(refusing))
    assert.deepEqual([failure.nonRetryable, failure.type], [true, 'ProviderRefused'])
  })
})
