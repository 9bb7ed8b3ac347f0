import assert from 'node:assert/strict'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { escalationIdOf } from '../../src/db/escalations.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { createMetrics } from '../../src/metrics.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../../src/notify/support.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { failureOf, onAttempt, wordsOf } from './attempt.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 60_000,
  engagementWindowMs: 1,
  giveUpAfterMs: 1,
}
const escalation = openEscalation('stalled', 'Nothing was heard of its delivery.', 5_000, policy)
const first = { ...email, reason: 'stalled', notice: 1, channel: 'webhook' } as const

/** A channel that remembers its notices, or fails as it is told. */
class Channel implements SupportChannel {
  readonly notices: SupportNotice[] = []
  failure: Error | null = null
  readonly name: SupportChannel['name']

  constructor(name: SupportChannel['name']) {
    this.name = name
  }

  async tell(notice: SupportNotice) {
    if (this.failure) throw this.failure
    this.notices.push(notice)
  }
}

describe('the support activities', () => {
  let database: TestDatabase
  let db: Database
  let webhook: Channel
  let mail: Channel
  const metrics = createMetrics(async () => ({ pending: 0, oldestSeconds: 0, escalationsOpen: 0 }))
  const activitiesWith = (channels: readonly SupportChannel[], on = db) =>
    createActivities({ db: on, channels, providerApis: new Map(), metrics })
  const activities = () => activitiesWith([webhook, mail])

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())
  beforeEach(async () => {
    webhook = new Channel('webhook')
    mail = new Channel('email')
    await db.$executeRaw`TRUNCATE emails, escalations CASCADE`
    await db.email.create({
      data: {
        ...{ id: 'em_1', provider: 'aisend', to: ['Ada@Example.com'], recipients: ['ada@example.com'] },
        ...{ subject: 'Your receipt', priority: 'critical', status: 'sent' },
      },
    })
    await onAttempt(1, () => activities().recordEscalation({ ...email, escalation }))
  })

  it('record an escalation once, as it is now, and answer with the channels', async () => {
    const acknowledged = { ...escalation, state: 'acknowledged', acknowledgedAt: 9_000, acknowledgedBy: 'ada' } as const
    const result = await onAttempt(1, () => activities().recordEscalation({ ...email, escalation: acknowledged }))
    assert.deepEqual(result, { channels: ['webhook', 'email'] })
    const [row, ...others] = await db.escalation.findMany()
    assert.deepEqual([row?.state, row?.acknowledgedBy, row?.acknowledgedAt?.getTime()], ['acknowledged', 'ada', 9_000])
    assert.deepEqual([row?.id, others.length], [escalationIdOf(email, 'stalled'), 0])
  })

  it('tell support once for each notice and channel, however often they are tried', async () => {
    const tell = (parts: Partial<{ notice: number; channel: string }> = {}) =>
      onAttempt(1, () => activities().tellSupport({ ...first, ...parts }))
    assert.equal(await tell(), 'told')
    assert.equal(await tell(), 'told_before')
    assert.equal(await tell({ channel: 'email' }), 'told')
    assert.equal(await tell({ notice: 2 }), 'told')
    assert.deepEqual([webhook.notices.length, mail.notices.length, await db.notification.count()], [2, 1, 3])
    const id = escalationIdOf(email, 'stalled')
    assert.deepEqual(webhook.notices[0], {
      ...{ id: `${id}.1`, escalationId: id, notice: 1, reason: 'stalled', detail: escalation.detail },
      ...{ ...email, recipients: ['Ada@Example.com'], subject: 'Your receipt' },
      ...{ priority: 'critical', status: 'sent', openedAt: 5_000 },
    })
    assert.equal(webhook.notices[1]?.id, `${id}.2`)
  })

  it('tell nobody on a channel that is not configured any more', async () => {
    const told = await onAttempt(1, () => activitiesWith([mail]).tellSupport(first))
    assert.deepEqual([told, await db.notification.count()], ['not_configured', 0])
  })

  it('try again when the channel did not take it, in words that quote nobody', async () => {
    webhook.failure = new Error('550 no such user ada@example.com')
    for (const attempt of [1, 10, 100]) {
      const failure = await failureOf(onAttempt(attempt, () => activities().tellSupport(first)))
      assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['ChannelUnavailable', false])
      assert.doesNotMatch(wordsOf(failure), /example|such user/)
    }
    webhook.failure = null
    assert.equal(await onAttempt(101, () => activities().tellSupport(first)), 'told')
  })

  it('do not try again what the channel will never take', async () => {
    webhook.failure = new NoticeRefusedError('400 for ada@example.com')
    const failure = await failureOf(onAttempt(1, () => activities().tellSupport(first)))
    assert.deepEqual([failure.type, failure.nonRetryable], ['NoticeRefused', true])
    assert.doesNotMatch(wordsOf(failure), /example|400 for/)
    assert.equal(await db.notification.count(), 0)
  })

  it('tell nobody while PostgreSQL cannot say whether they were told', async () => {
    const absent = createDatabase({ url: 'postgresql://nobody@127.0.0.1:1/nothing' })
    const failure = await failureOf(onAttempt(10, () => activitiesWith([webhook], absent).tellSupport(first)))
    assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['DatabaseUnavailable', false])
    assert.equal(webhook.notices.length, 0)
    await absent.$disconnect()
  })
})
