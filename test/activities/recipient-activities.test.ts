import assert from 'node:assert/strict'
import { createActivities } from '../../src/activities/create-activities.ts'
import type { LifecycleActivities } from '../../src/activities/lifecycle-activities.ts'
import { createProviderActivities } from '../../src/activities/provider-activities.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMetrics } from '../../src/metrics.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { quietMetrics } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { failureOf, onAttempt, textOf } from './attempt.ts'

const dayMs = 24 * 3_600_000
const noon = Date.UTC(2026, 5, 15, 12)
const email = { provider: 'aisend', emailId: 'em_1' }

describe('the activities on recipients and providers', () => {
  const { db } = useDatabase('events, emails, suppressions')
  let answer: ReceivedEvent[] | Error
  const metrics = createMetrics(async () => ({ pending: 0, oldestSeconds: 0, escalationsOpen: 0 }))
  const activitiesWith = (providers: string[]): LifecycleActivities => {
    const fetchEvents = async () => {
      if (answer instanceof Error) throw answer
      return answer
    }
    const providerApis = new Map(providers.map((name) => [name, { fetchEvents }]))
    return createActivities({ db, channels: [], providerApis, metrics })
  }

  const softBounce = (id: string, day: number) =>
    store(db, {
      ...{ id, type: 'bounced', occurredAt: noon + day * dayMs, receivedAt: noon + 9 },
      bounce: { class: 'soft', code: '4.2.2', message: null },
    })
  const countSoftBounce = (eventId: string) =>
    onAttempt(1, () => activitiesWith([]).countSoftBounce({ ...email, eventId }))

  const keyOfAda = async () => {
    const [row] = await db.$queryRaw<
      { key: string }[]
    >`SELECT recipient_key('aisend', 'em_1', 'ada@example.com') AS key`
    return row?.key
  }

  it('make a hard bounce of soft bounces on a third day, in any order, and store it once', async () => {
    await softBounce('a', 0)
    await softBounce('a2', 0.1)
    await softBounce('c', 13)
    assert.deepEqual([await countSoftBounce('a'), await countSoftBounce('c')], [null, null])
    await softBounce('b', 5)
    const facts = { occurredAt: noon + 5 * dayMs, receivedAt: noon + 9 }
    const failure = { reason: 'inactive_mailbox', party: 'recipient', outcome: 'bounced' }
    const hard = { type: 'bounced', bounce: { class: 'hard', code: 'soft_bounce_limit', failure }, ...facts }
    const recipient = await keyOfAda()
    assert.deepEqual(await countSoftBounce('b'), { id: 'soft_bounce_limit:b', recipient, ...hard })
    assert.deepEqual(await countSoftBounce('b'), { id: 'soft_bounce_limit:b', recipient, ...hard })
    const rows = await db.event.findMany({ where: { bounceClass: 'hard' } })
    assert.deepEqual(
      rows.map(({ eventId, recipient, emailId }) => [eventId, recipient, emailId]),
      [['soft_bounce_limit:b', 'ada@example.com', 'em_1']],
    )
  })

  it('make no hard bounce of three days that are further apart', async () => {
    for (const [id, day] of Object.entries({ a: 0, b: 7, c: 14 })) await softBounce(id, day)
    assert.equal(await countSoftBounce('b'), null)
  })

  it('store a hard bounce after three days of a full mailbox, which suppresses, and none after three days of greylisting', async () => {
    const bounces = { full: '452 4.2.2 Mailbox full', greylisted: '451 4.7.1 Greylisted, try again later' }
    for (const [name, message] of Object.entries(bounces)) {
      const recipient = `${name}@example.com`
      for (const day of [0, 3, 6]) {
        const facts = { id: `${name}-${day}`, type: 'bounced', occurredAt: noon + day * dayMs, receivedAt: noon + 9 }
        await store(db, { ...facts, recipient, to: [recipient], bounce: { class: 'soft', code: null, message } })
      }
    }
    assert.equal(await countSoftBounce('greylisted-6'), null)
    const hard = await countSoftBounce('full-6')
    const outcome = await onAttempt(1, () =>
      activitiesWith([]).suppressRecipient({ ...email, eventId: hard?.id ?? '', reason: 'repeated_soft_bounces' }),
    )
    assert.equal(outcome, 'suppressed')
    assert.deepEqual(
      (await db.suppression.findMany()).map(({ address }) => address),
      ['full@example.com'],
    )
  })

  it('suppress an event’s recipient, and report an unclear one', async () => {
    await store(db, { id: 'named', type: 'bounced' }, { id: 'unnamed', emailId: 'em_2', recipient: null, to: [] })
    const suppress = (eventId: string) =>
      onAttempt(1, () => activitiesWith([]).suppressRecipient({ ...email, eventId, reason: 'hard_bounce' }))
    assert.deepEqual(
      [await suppress('named'), await suppress('named'), await suppress('unnamed')],
      ['suppressed', 'already_suppressed', 'recipient_unclear'],
    )
  })

  it('ask the provider, and store its events before they are returned', async () => {
    for (const attempt of [1, 2]) {
      // The second answer comes later. The time when the event was first stored counts.
      const receivedAt = noon + (attempt - 1) * 5_000
      answer = [receivedEvent({ id: 'reconcile:em_1:delivered', type: 'delivered', occurredAt: noon, receivedAt })]
      const { events } = await onAttempt(attempt, () => activitiesWith(['aisend']).askProvider(email))
      const facts = { id: 'reconcile:em_1:delivered', occurredAt: noon, receivedAt: noon, recipient: await keyOfAda() }
      assert.deepEqual(events, [{ ...facts, type: 'delivered' }])
    }
    assert.equal(await db.event.count(), 1)
  })

  it('ask with the key of the email’s project, and store the answer as the project’s', async () => {
    const answer = [receivedEvent({ id: 'evt_of_shop', type: 'delivered' })]
    const { askProvider } = createProviderActivities({
      ...{ db, channels: [], metrics: quietMetrics() },
      providerApis: new Map([['shop:aisend', { fetchEvents: async () => answer }]]),
    })
    await askProvider({ provider: 'shop:aisend', emailId: 'em_1' })
    assert.equal((await db.event.findFirstOrThrow({ where: { eventId: 'evt_of_shop' } })).provider, 'shop:aisend')
    assert.match((await askProvider({ provider: 'aisend', emailId: 'em_1' })).note, /no API key is set/)
  })

  it('say so when the provider cannot be asked without a key', async () => {
    const { note, events } = await onAttempt(1, () => activitiesWith([]).askProvider(email))
    assert.match(note, /was not asked: no API key/)
    assert.deepEqual(events, [])
  })

  it('retry unless the provider refuses for good', async () => {
    const failure = () => failureOf(onAttempt(1, () => activitiesWith(['aisend']).askProvider(email)))
    answer = new Error('AISend did not answer within 5 s')
    assert.deepEqual([(await failure()).type, (await failure()).nonRetryable ?? false], ['ProviderUnavailable', false])
    answer = new ProviderUnreachableError('AISend answered 429', { retryAfterMs: 7_000 })
    assert.equal((await failure()).nextRetryDelay, 7_000, 'when the provider asks for it')
    answer = new ProviderRefusedError('the key is not accepted')
    assert.deepEqual([(await failure()).type, (await failure()).nonRetryable], ['ProviderRefused', true])
  })

  it('name no recipient when PostgreSQL rejects the provider’s events, and can be retried', async () => {
    answer = [receivedEvent({ recipient: 'eve@example.net\u0000' })]
    const failure = await failureOf(onAttempt(10, () => activitiesWith(['aisend']).askProvider(email)))
    assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['ProviderAnswerRejected', false])
    assert.doesNotMatch(textOf(failure), /eve|em_1/)
  })
})
