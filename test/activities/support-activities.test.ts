import assert from 'node:assert/strict'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createDatabase } from '../../src/db/database.ts'
import { escalationIdOf } from '../../src/db/escalations.ts'
import { commandEscalation, type Escalation, openEscalation } from '../../src/domain/escalation.ts'
import { createMetrics } from '../../src/metrics.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../../src/notifications/channel.ts'
import { useDatabase } from '../stack.ts'
import { failureOf, onAttempt, textOf } from './attempt.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 60_000,
  lingerAfterSettledMs: 1,
  giveUpAfterMs: 1,
}
const escalation = openEscalation('stalled', 'No delivery was reported.', 5_000, policy)
const first = { ...email, reason: 'stalled', notice: 1, channel: 'webhook' } as const

/** A channel that records its notices, or fails with `failure`. */
class Channel implements SupportChannel {
  readonly notices: SupportNotice[] = []
  failure: Error | null = null
  readonly name: SupportChannel['name']

  constructor(name: SupportChannel['name']) {
    this.name = name
  }

  async send(notice: SupportNotice) {
    if (this.failure) throw this.failure
    this.notices.push(notice)
  }
}

describe('the support activities', () => {
  const { db } = useDatabase('emails, escalations')
  let webhook: Channel
  let mail: Channel
  const metrics = createMetrics(async () => ({ pending: 0, oldestSeconds: 0, escalationsOpen: 0 }))
  const activitiesWith = (channels: readonly SupportChannel[], on = db) =>
    createActivities({ db: on, channels, providerApis: new Map(), metrics })
  const activities = () => activitiesWith([webhook, mail])
  beforeEach(async () => {
    webhook = new Channel('webhook')
    mail = new Channel('email')
    await db.email.create({
      data: {
        ...{ id: 'em_1', provider: 'aisend', to: ['Ada@Example.com'], recipients: ['ada@example.com'] },
        ...{ subject: 'Your receipt', priority: 'critical', status: 'sent' },
      },
    })
    await onAttempt(1, () => activities().recordEscalation({ ...email, escalation }))
  })

  const record = (it: Escalation) => onAttempt(1, () => activities().recordEscalation({ ...email, escalation: it }))
  const acknowledged = commandEscalation({ ...escalation, version: 1 }, { do: 'acknowledge', by: 'ada' }, 9_000)
  const resolved = commandEscalation({ ...acknowledged, version: 2 }, { do: 'resolve', by: 'ada' }, 9_500)

  it('succeed again when an attempt is repeated that has arrived', async () => {
    assert.deepEqual(await record(acknowledged), await record(acknowledged))
    assert.equal((await db.escalation.findFirstOrThrow()).version, 2)
  })

  it('do not write an older state over a newer one when an attempt arrives late, and return the newer one', async () => {
    await record(acknowledged)
    await record(resolved)
    for (const late of [escalation, acknowledged]) {
      const { conflict, version } = await record(late)
      assert.deepEqual(conflict, { ...resolved, version: 3 })
      assert.equal(version, 3)
    }
    assert.equal((await db.escalation.findFirstOrThrow()).resolvedBy, 'ada')
  })

  it('write over an older state that a failover restored, and compare no version for runs that have none', async () => {
    assert.equal((await record(resolved)).version, 3)
    const { version: _, ...withoutVersion } = acknowledged
    assert.equal((await record(withoutVersion)).version, 4)
    assert.equal((await db.escalation.findFirstOrThrow()).state, 'acknowledged')
  })

  it('record an escalation once, in its present state, and return the channels', async () => {
    const result = await record(acknowledged)
    assert.deepEqual(result, { channels: ['webhook', 'email'], version: 2 })
    const [row, ...others] = await db.escalation.findMany()
    assert.deepEqual([row?.state, row?.acknowledgedBy, row?.acknowledgedAt?.getTime()], ['acknowledged', 'ada', 9_000])
    assert.deepEqual([row?.id, others.length], [escalationIdOf(email, 'stalled'), 0])
  })

  it('send each notice once on each channel, however often they are tried', async () => {
    const send = (parts: Partial<{ notice: number; channel: string }> = {}) =>
      onAttempt(1, () => activities().tellSupport({ ...first, ...parts }))
    assert.equal(await send(), 'told')
    assert.equal(await send(), 'told_before')
    assert.equal(await send({ channel: 'email' }), 'told')
    assert.equal(await send({ notice: 2 }), 'told')
    assert.deepEqual([webhook.notices.length, mail.notices.length, await db.notification.count()], [2, 1, 3])
    const id = escalationIdOf(email, 'stalled')
    assert.deepEqual(webhook.notices[0], {
      ...{ id: `${id}.1`, escalationId: id, notice: 1, reason: 'stalled', detail: escalation.detail },
      ...{ ...email, recipients: ['Ada@Example.com'], subject: 'Your receipt' },
      ...{ priority: 'critical', status: 'sent', openedAt: 5_000 },
      ...{ state: 'open', acknowledgedBy: null, snoozedUntil: null, resolvedBy: null, version: 1 },
    })
    assert.equal(webhook.notices[1]?.id, `${id}.2`)
  })

  it('send nothing on a channel that is no longer configured', async () => {
    const result = await onAttempt(1, () => activitiesWith([mail]).tellSupport(first))
    assert.deepEqual([result, await db.notification.count()], ['not_configured', 0])
  })

  it('can be retried when the channel fails, with a message that quotes no address', async () => {
    webhook.failure = new Error('550 no such user ada@example.com')
    for (const attempt of [1, 10, 100]) {
      const failure = await failureOf(onAttempt(attempt, () => activities().tellSupport(first)))
      assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['ChannelUnavailable', false])
      assert.doesNotMatch(textOf(failure), /example|such user/)
    }
    webhook.failure = null
    assert.equal(await onAttempt(101, () => activities().tellSupport(first)), 'told')
  })

  it('are not retried when the channel rejects the notice for good', async () => {
    webhook.failure = new NoticeRefusedError('400 for ada@example.com')
    const failure = await failureOf(onAttempt(1, () => activities().tellSupport(first)))
    assert.deepEqual([failure.type, failure.nonRetryable], ['NoticeRefused', true])
    assert.doesNotMatch(textOf(failure), /example|400 for/)
    // Recorded, so that the search for undelivered notices does not find it.
    assert.deepEqual(
      (await db.notification.findMany()).map(({ channel, isRefused }) => ({ channel, isRefused })),
      [{ channel: 'webhook', isRefused: true }],
    )
    assert.equal(await onAttempt(1, () => activities().tellSupport(first)), 'told_before')
  })

  it('send nothing while PostgreSQL is unavailable: the notice may have been sent before', async () => {
    const absent = createDatabase({ url: 'postgresql://nobody@127.0.0.1:1/nothing' })
    const failure = await failureOf(onAttempt(10, () => activitiesWith([webhook], absent).tellSupport(first)))
    assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['DatabaseUnavailable', false])
    assert.equal(webhook.notices.length, 0)
    await absent.$disconnect()
  })
})
