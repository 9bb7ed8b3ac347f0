import assert from 'node:assert/strict'
import { writeEscalation } from '../../src/db/escalations.ts'
import { readMissedChanges } from '../../src/db/notifications.ts'
import {
  commandEscalation,
  type Escalation,
  type EscalationCommand,
  openEscalation,
  resolveEscalation,
} from '../../src/domain/escalation.ts'
import { everything, type NoticeRouting } from '../../src/domain/notice-routing.ts'
import {
  type MessageReference,
  type NoticeDigest,
  NoticeRefusedError,
  type SupportChannel,
  type SupportNotice,
} from '../../src/notifications/channel.ts'
import { deliverNotice, showState } from '../../src/notifications/delivery.ts'
import { sendDigests } from '../../src/notifications/digests.ts'
import { useDatabase } from '../stack.ts'

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 60_000, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}
const hourMs = 3_600_000

/** Records what it sends and shows, or fails with `failure`. */
class FollowingChannel implements SupportChannel {
  readonly name = 'oncall'
  readonly sent: string[] = []
  readonly shown: string[] = []
  readonly digests: NoticeDigest[] = []
  failure: Error | null = null
  /** Called while a change is being shown. */
  onShow: () => Promise<unknown> = async () => {}
  readonly routing: NoticeRouting

  constructor(routing: Partial<NoticeRouting> = {}) {
    this.routing = { ...everything, ...routing }
  }

  async send({ id, state }: SupportNotice, first: MessageReference = null) {
    if (this.failure) throw this.failure
    this.sent.push(`${id.replace(/^esc_\w+/, '')} ${state} after ${first}`)
    return 'message'
  }

  readonly showState = async ({ state }: SupportNotice, reference: MessageReference) => {
    if (this.failure) throw this.failure
    await this.onShow()
    this.shown.push(`${state} of ${reference}`)
    return reference
  }

  readonly sendDigest = async (digest: NoticeDigest) => {
    if (this.failure) throw this.failure
    this.digests.push(digest)
  }
}

describe('the delivery of notices', () => {
  const { db } = useDatabase('emails, escalations')
  const now = Date.UTC(2026, 5, 15, 12, 30)
  const options = { db, clock: () => now }
  const key = { provider: 'resend', emailId: 'em_1' }

  const store = async (escalation: Escalation, email = key) => {
    const { version } = await writeEscalation(db, email, escalation)
    const { id } = await db.escalation.findFirstOrThrow({ where: { ...email, reason: escalation.reason } })
    return { id, escalation: { ...escalation, version } }
  }
  const opened = (email = key) => store(openEscalation('stalled', 'Nothing was reported.', now, policy), email)
  const change = (escalation: Escalation, command: EscalationCommand) =>
    store(commandEscalation(escalation, command, now))
  const rows = () =>
    db.notification.findMany({
      select: { notice: true, shownVersion: true, reference: true, isRefused: true, isSkipped: true },
    })
  const row = { notice: 1, shownVersion: null, reference: null, isRefused: false, isSkipped: false }

  it('skips what the channel does not take, and does not ask again', async () => {
    const { id } = await opened()
    const channel = new FollowingChannel({ reasons: new Set(['silence']) })
    const deliver = () => deliverNotice(options, channel, { escalationId: id, notice: 1 })
    assert.deepEqual([await deliver(), await deliver(), channel.sent], ['skipped', 'told_before', []])
    assert.deepEqual(await rows(), [{ ...row, isSkipped: true }])
  })

  it('shows each change once, and follows a resolved escalation no more', async () => {
    const channel = new FollowingChannel()
    const { id, escalation } = await opened()
    await deliverNotice(options, channel, { escalationId: id, notice: 1 })
    assert.deepEqual(await rows(), [{ ...row, shownVersion: 1, reference: 'message' }])
    const acknowledged = await change(escalation, { do: 'acknowledge', by: 'ada' })
    assert.deepEqual([await showState(options, channel, id), await showState(options, channel, id)], [1, 0])
    await change(acknowledged.escalation, { do: 'resolve', by: 'ada' })
    await showState(options, channel, id)
    assert.deepEqual(channel.shown, ['acknowledged of message', 'resolved of message'])
    assert.deepEqual(await rows(), [{ ...row, reference: 'message' }])
  })

  it('ends with the last state although it changes while an earlier one is shown', async () => {
    const channel = new FollowingChannel()
    const { id, escalation } = await opened()
    await deliverNotice(options, channel, { escalationId: id, notice: 1 })
    const { escalation: acknowledged } = await change(escalation, { do: 'acknowledge', by: 'ada' })
    channel.onShow = async () => {
      channel.onShow = async () => {}
      await change(acknowledged, { do: 'resolve', by: 'ada' })
    }
    await showState(options, channel, id)
    assert.deepEqual(channel.shown, ['acknowledged of message', 'resolved of message'])
  })

  it('records what was sent although PostgreSQL is away for a moment, and does not send it again', async () => {
    const channel = new FollowingChannel()
    const { id } = await opened()
    let failures = 0
    const notification = new Proxy(db.notification, {
      get(target, name) {
        if (name !== 'createMany' || failures > 0) return Reflect.get(target, name)
        failures += 1
        return () => Promise.reject(new Error('Connection terminated due to connection timeout'))
      },
    })
    const blinking = new Proxy(db, {
      get: (target, name) => (name === 'notification' ? notification : Reflect.get(target, name)),
    })
    await deliverNotice({ ...options, db: blinking }, channel, { escalationId: id, notice: 1 })
    assert.deepEqual([failures, channel.sent.length, await db.notification.count()], [1, 1, 1])
  })

  it('passes the first message on to a further notice, and shows what has changed while it was away', async () => {
    const channel = new FollowingChannel()
    const { id, escalation } = await opened()
    await deliverNotice(options, channel, { escalationId: id, notice: 1 })
    channel.failure = new Error('away')
    await assert.rejects(deliverNotice(options, channel, { escalationId: id, notice: 2 }))
    channel.failure = null
    await change(escalation, { do: 'acknowledge', by: 'ada' })
    await deliverNotice(options, channel, { escalationId: id, notice: 2 })
    assert.deepEqual(channel.sent, ['.1 open after null', '.2 acknowledged after message'])
    assert.deepEqual(await db.notification.count({ where: { shownVersion: 2 } }), 2)
  })

  it('lets a message go that cannot be changed, and finds those that nobody has changed', async () => {
    const channel = new FollowingChannel()
    const { id, escalation } = await opened()
    await deliverNotice(options, channel, { escalationId: id, notice: 1 })
    await change(escalation, { do: 'acknowledge', by: 'ada' })
    const missed = () => readMissedChanges(db, ['oncall'], 10)
    assert.deepEqual(await missed(), [{ escalationId: id, channel: 'oncall' }])
    await db.escalation.updateMany({ data: { acknowledgedAt: new Date() } })
    assert.deepEqual(await missed(), [], 'whoever has changed it still has time')
    channel.failure = new NoticeRefusedError('gone')
    await assert.rejects(showState(options, channel, id), NoticeRefusedError)
    channel.failure = null
    assert.deepEqual([await showState(options, channel, id), channel.shown], [0, []])
  })

  describe('in digests', () => {
    const digesting = () => new FollowingChannel({ digestMs: hourMs })
    const due = { db, clock: () => Date.UTC(2026, 5, 15, 13) }
    const hold = async (channel: SupportChannel, email: typeof key, notice = 1) => {
      const { id, escalation } = await opened(email)
      assert.equal(await deliverNotice(options, channel, { escalationId: id, notice }), 'held')
      return escalation
    }

    it('holds what is not urgent, and sends it once when the time has come', async () => {
      const channel = digesting()
      for (const emailId of ['em_1', 'em_2']) await hold(channel, { ...key, emailId })
      await hold(channel, key, 2)
      assert.deepEqual(await sendDigests(options, [channel]), { sent: 0, failed: 0 })
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 1, failed: 0 })
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 0, failed: 0 })
      const [digest, ...others] = channel.digests
      assert.deepEqual(
        [digest?.notices.map(({ emailId, notice }) => [emailId, notice]).sort(), others],
        [
          [
            ['em_1', 2],
            ['em_2', 1],
          ],
          [],
        ],
      )
      assert.deepEqual([channel.sent, channel.shown], [[], []])
    })

    it('sends the same digest after a failure, without what has become due since', async () => {
      const channel = digesting()
      await hold(channel, key)
      channel.failure = new Error('away')
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 0, failed: 1 })
      channel.failure = null
      await hold(channel, { ...key, emailId: 'em_2' })
      // As a new process does it, a minute later.
      const later = { db, clock: () => due.clock() + 60_000 }
      assert.deepEqual(await sendDigests(later, [channel]), { sent: 2, failed: 0 })
      assert.deepEqual(
        channel.digests.map(({ id, notices }) => [id, notices.map(({ emailId }) => emailId)]),
        [
          [`digest.oncall.${due.clock()}`, ['em_1']],
          [`digest.oncall.${later.clock()}`, ['em_2']],
        ],
      )
    })

    it('counts what was resolved meanwhile, and sends nothing if nothing else is left', async () => {
      const channel = digesting()
      const escalation = await hold(channel, key)
      await store(resolveEscalation(escalation, 'delivered', now))
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 1, failed: 0 })
      assert.deepEqual(channel.digests, [])
    })

    it('is not sent again when the channel refuses it', async () => {
      const channel = digesting()
      await hold(channel, key)
      channel.failure = new NoticeRefusedError('no')
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 0, failed: 1 })
      assert.deepEqual(await sendDigests(due, [channel]), { sent: 0, failed: 0 })
      assert.deepEqual(await rows(), [{ ...row, isRefused: true }])
    })
  })
})
