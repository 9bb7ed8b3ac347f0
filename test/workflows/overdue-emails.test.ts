import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '../../src/workflows/messages.ts'
import type { wakeOverdueLives } from '../../src/workflows/scheduled.ts'
import { until } from '../until.ts'
import { EmailRig, type RigEmail, stallAfter } from './email-rig.ts'

describe('an email whose workflow Temporal has lost', () => {
  let rig: EmailRig
  beforeEach(async () => {
    rig = await EmailRig.start()
  })
  afterEach(() => rig.stop())

  const restartOverdue = () =>
    rig.client.workflow.execute<typeof wakeOverdueLives>('wakeOverdueLives', {
      workflowId: `overdue-${randomUUID()}`,
      taskQueue: rig.taskQueue,
      args: [{ graceMs: 0 }],
    })

  const lose = (email: RigEmail) => email.handle().terminate()

  it('is escalated as stalled although no event follows', async () => {
    const email = rig.email()
    await email.register('critical')
    await lose(email)
    assert.deepEqual(await restartOverdue(), { woken: 1 })
    const escalation = await email.escalated('stalled', 'open')
    assert.match(escalation.detail, /was asked/)
    await until(() => email.notices().length === 1)
  })

  it('is not escalated when the provider reports the delivery', async () => {
    const email = rig.email()
    rig.answers.set(email.emailId, [email.event('delivered', { id: `reconcile:${email.emailId}:delivered` })])
    await email.apply(email.event('sent'))
    await lose(email)
    await restartOverdue()
    await until(async () => (await email.row()).status === 'delivered')
    assert.deepEqual(await email.escalations(), [])
  })

  it('has its second notice sent, in place of the lost timer', async () => {
    const email = rig.email({
      stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
      escalationRepeatAfterMs: 3_600_000,
    })
    await email.register()
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await lose(email)
    await rig.db.escalation.updateMany({ data: { nextNoticeAt: new Date(Date.now() - 1) } })
    await restartOverdue()
    await until(() => email.notices().length === 2)
    assert.equal((await email.escalated('stalled', 'open')).nextNoticeAt, null)
  })

  it('is distinguished from one whose workflow is running', async () => {
    const email = rig.email()
    await email.apply(email.event('sent'))
    await until(async () => (await email.handle().query(status)).status === 'sent')
    const { runId, historyLength } = await email.handle().describe()
    assert.deepEqual(await restartOverdue(), { woken: 0 })
    const after = await email.handle().describe()
    assert.deepEqual([after.runId, after.historyLength], [runId, historyLength])
  })

  it('continues from the stored state when further events come', async () => {
    const email = rig.email()
    await email.apply(email.event('opened', { human: false }))
    await lose(email)
    await restartOverdue()
    await email.escalated('stalled', 'open')
    await email.apply(email.event('opened', { human: false }), email.event('delivered'))
    const row = await email.row()
    assert.equal(row.opensTotal, 2)
    assert.equal((await email.escalated('stalled', 'resolved')).resolvedBy, 'delivered')
  })

  it('is escalated if it is critical, bounced, and Temporal was lost before the escalation was stored', async () => {
    const email = rig.email()
    await email.register('critical')
    await email.apply(email.hardBounce({ occurredAt: Date.now() - 1_000 }))
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 1)
    await lose(email)
    await rig.db.escalation.deleteMany()
    assert.deepEqual(await restartOverdue(), { woken: 1 })
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 2)
    assert.deepEqual(await restartOverdue(), { woken: 0 })
  })

  it('has its undelivered notice sent', async () => {
    const email = rig.email()
    await email.register('critical')
    rig.channelError = new Error('connection refused')
    await email.apply(email.hardBounce({ occurredAt: Date.now() - 1_000 }))
    await email.escalated('critical_bounce', 'open')
    await lose(email)
    assert.deepEqual(await restartOverdue(), { woken: 1 })
    // Not before: a late attempt of the lost run would send the notice.
    rig.channelError = null
    await until(() => email.notices().length === 1)
    await until(async () => (await rig.db.notification.count()) === 1)
    await lose(email)
    assert.deepEqual(await restartOverdue(), { woken: 0 })
  })

  it('has its stall resolved after a delivery', async () => {
    const email = rig.email(stallAfter(1))
    await email.register()
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await email.apply(email.event('delivered'))
    await email.escalated('stalled', 'resolved')
    await lose(email)
    await rig.db.escalation.updateMany({ data: { state: 'open', resolvedAt: null, resolvedBy: null } })
    assert.deepEqual(await restartOverdue(), { woken: 1 })
    assert.equal((await email.escalated('stalled', 'resolved')).resolvedBy, 'delivered')
  })
})
