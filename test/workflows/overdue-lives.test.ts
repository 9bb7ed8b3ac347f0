import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '../../src/workflows/messages.ts'
import type { wakeOverdueLives } from '../../src/workflows/overdue-lives.ts'
import { until } from '../until.ts'
import { Living, type LivingEmail } from './living.ts'

describe('a life that Temporal has lost', () => {
  let living: Living
  beforeEach(async () => {
    living = await Living.begin()
  })
  afterEach(() => living.end())

  const lookForOverdueLives = () =>
    living.client.workflow.execute<typeof wakeOverdueLives>('wakeOverdueLives', {
      workflowId: `overdue-${randomUUID()}`,
      taskQueue: living.taskQueue,
      args: [{ graceMs: 0 }],
    })

  const lose = (email: LivingEmail) => email.handle().terminate()

  it('is escalated as stalled although nothing more is heard of the email', async () => {
    const email = living.email()
    await email.register('critical')
    await lose(email)
    assert.deepEqual(await lookForOverdueLives(), { woken: 1 })
    const escalation = await email.escalated('stalled', 'open')
    assert.match(escalation.detail, /was asked/)
    await until(() => email.notices().length === 1)
  })

  it('is no stall when the provider knows of the delivery', async () => {
    const email = living.email()
    living.answers.set(email.emailId, [email.event('delivered', { id: `reconcile:${email.emailId}:delivered` })])
    await email.hear(email.event('sent'))
    await lose(email)
    await lookForOverdueLives()
    await until(async () => (await email.row()).status === 'delivered')
    assert.deepEqual(await email.escalations(), [])
  })

  it('tells support the second time that its lost timer would have', async () => {
    const email = living.email({
      stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
      escalationRepeatAfterMs: 3_600_000,
    })
    await email.register()
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await lose(email)
    await living.db.escalation.updateMany({ data: { nextNoticeAt: new Date(Date.now() - 1) } })
    await lookForOverdueLives()
    await until(() => email.notices().length === 2)
    assert.equal((await email.escalated('stalled', 'open')).nextNoticeAt, null)
  })

  it('is told from one that runs, which is left alone', async () => {
    const email = living.email()
    await email.hear(email.event('sent'))
    await until(async () => (await email.handle().query(status)).status === 'sent')
    const { runId, historyLength } = await email.handle().describe()
    assert.deepEqual(await lookForOverdueLives(), { woken: 0 })
    const after = await email.handle().describe()
    assert.deepEqual([after.runId, after.historyLength], [runId, historyLength])
  })

  it('goes on from what was stored when the email is heard of again', async () => {
    const email = living.email()
    await email.hear(email.event('opened', { human: false }))
    await lose(email)
    await lookForOverdueLives()
    await email.escalated('stalled', 'open')
    await email.hear(email.event('opened', { human: false }), email.event('delivered'))
    const row = await email.row()
    assert.equal(row.opensTotal, 2)
    assert.equal((await email.escalated('stalled', 'resolved')).resolvedBy, 'delivered')
  })
})
