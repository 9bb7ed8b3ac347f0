import assert from 'node:assert/strict'
import { createActivities } from '../../src/activities/create-activities.ts'
import type { LifecycleActivities } from '../../src/activities/lifecycle-activities.ts'
import type { Database } from '../../src/db/database.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMetrics } from '../../src/metrics.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider.ts'
import { store } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { failureOf, onAttempt, wordsOf } from './attempt.ts'

const dayMs = 24 * 3_600_000
const noon = Date.UTC(2026, 5, 15, 12)
const email = { provider: 'aisend', emailId: 'em_1' }

describe('the activities about recipient and provider', () => {
  let database: TestDatabase
  let db: Database
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

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(() => db.$executeRaw`TRUNCATE events, emails, suppressions`)

  const softBounce = (id: string, day: number) =>
    store(db, {
      ...{ id, type: 'bounced', occurredAt: noon + day * dayMs, receivedAt: noon + 9 },
      bounce: { class: 'soft', code: '4.2.2', message: null },
    })
  const countSoftBounce = (eventId: string) =>
    onAttempt(1, () => activitiesWith([]).countSoftBounce({ ...email, eventId }))

  it('make a hard bounce of the third day of soft ones, the oldest coming last or not, and store it once', async () => {
    await softBounce('a', 0)
    await softBounce('a2', 0.1)
    await softBounce('c', 13)
    assert.deepEqual([await countSoftBounce('a'), await countSoftBounce('c')], [null, null])
    await softBounce('b', 5)
    const facts = { occurredAt: noon + 5 * dayMs, receivedAt: noon + 9 }
    const hard = { type: 'bounced', bounce: { class: 'hard', code: 'soft_bounce_limit' }, ...facts }
    assert.deepEqual(await countSoftBounce('b'), { id: 'soft_bounce_limit:b', ...hard })
    assert.deepEqual(await countSoftBounce('b'), { id: 'soft_bounce_limit:b', ...hard })
    const rows = await db.event.findMany({ where: { bounceClass: 'hard' } })
    assert.deepEqual(
      rows.map(({ eventId, recipient, emailId }) => [eventId, recipient, emailId]),
      [['soft_bounce_limit:b', 'ada@example.com', 'em_1']],
    )
  })

  it('make nothing of three days that lie further apart', async () => {
    for (const [id, day] of Object.entries({ a: 0, b: 7, c: 14 })) await softBounce(id, day)
    assert.equal(await countSoftBounce('b'), null)
  })

  it('suppress by event, and say when it is unclear whom', async () => {
    await store(db, { id: 'named', type: 'bounced' }, { id: 'unnamed', emailId: 'em_2', recipient: null, to: [] })
    const suppress = (eventId: string) =>
      onAttempt(1, () => activitiesWith([]).suppressRecipient({ ...email, eventId, reason: 'hard_bounce' }))
    assert.deepEqual(
      [await suppress('named'), await suppress('named'), await suppress('unnamed')],
      ['suppressed', 'already_suppressed', 'recipient_unclear'],
    )
  })

  it('ask the provider, and store what it says before anybody acts on it', async () => {
    answer = [receivedEvent({ id: 'reconcile:em_1:delivered', type: 'delivered', occurredAt: noon, receivedAt: noon })]
    for (const attempt of [1, 2]) {
      const { events } = await onAttempt(attempt, () => activitiesWith(['aisend']).askProvider(email))
      const facts = { id: 'reconcile:em_1:delivered', occurredAt: noon, receivedAt: noon }
      assert.deepEqual(events, [{ ...facts, type: 'delivered' }])
    }
    assert.equal(await db.event.count(), 1)
  })

  it('say so when the provider cannot be asked for want of a key', async () => {
    const { note, events } = await onAttempt(1, () => activitiesWith([]).askProvider(email))
    assert.match(note, /was not asked: no API key/)
    assert.deepEqual(events, [])
  })

  it('ask again unless the provider refuses for good', async () => {
    const failure = () => failureOf(onAttempt(1, () => activitiesWith(['aisend']).askProvider(email)))
    answer = new Error('AISend did not answer within 5 s')
    assert.deepEqual([(await failure()).type, (await failure()).nonRetryable ?? false], ['ProviderUnavailable', false])
    answer = new ProviderUnreachableError('AISend answered 429', { retryAfterMs: 7_000 })
    assert.equal((await failure()).nextRetryDelay, 7_000, 'when the provider wants it')
    answer = new ProviderRefusedError('the key is not accepted')
    assert.deepEqual([(await failure()).type, (await failure()).nonRetryable], ['ProviderRefused', true])
  })

  it('name nobody when PostgreSQL refuses what the provider said, and leave it to be tried again', async () => {
    answer = [receivedEvent({ recipient: 'eve@example.net\u0000' })]
    const failure = await failureOf(onAttempt(10, () => activitiesWith(['aisend']).askProvider(email)))
    assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['ProviderAnswerRejected', false])
    assert.doesNotMatch(wordsOf(failure), /eve|em_1/)
  })
})
