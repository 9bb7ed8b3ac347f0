import assert from 'node:assert/strict'
import { ProviderRefusedError } from '../../src/providers/provider-api.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { until } from '../until.ts'
import { EmailRig, type RigEmail, stallAfter } from './email-rig.ts'

describe('a stall', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const acknowledge = (email: RigEmail) =>
    email.emailWorkflows.command(email, 'stalled', { do: 'acknowledge', by: 'ada' })

  it('is escalated with two notices, acknowledged, and resolved by a late delivery', async () => {
    const email = rig.email({ ...stallAfter(300), escalationRepeatAfterMs: 300 })
    await email.register()
    const opened = await email.escalated('stalled', 'open')
    assert.match(opened.detail, /was asked/)
    await until(() => email.notices().length === 2)
    assert.deepEqual(
      email.notices().map(({ notice }) => notice),
      [1, 2],
    )
    assert.equal((await acknowledge(email)).acknowledgedBy, 'ada')
    await email.apply(email.event('delivered'))
    assert.equal((await email.escalated('stalled', 'resolved')).resolvedBy, 'delivered')
    assert.equal(email.notices().length, 2)
  })

  it('is not escalated when the provider reports the delivery: only the webhook was lost', async () => {
    const email = rig.email(stallAfter(300))
    rig.answers.set(email.emailId, [email.event('delivered', { id: `reconcile:${email.emailId}:delivered` })])
    await email.register()
    await until(async () => (await email.row()).status === 'delivered')
    assert.deepEqual(await email.escalations(), [])
  })

  it('is escalated with a note when the provider cannot be asked', async () => {
    const email = rig.email(stallAfter(200))
    rig.answers.set(email.emailId, new ProviderRefusedError('the key is not accepted'))
    await email.apply(email.event('sent'))
    assert.match((await email.escalated('stalled', 'open')).detail, /could not be asked/)
  })

  it('has no second notice once it is acknowledged', async () => {
    const email = rig.email({ ...stallAfter(200), escalationRepeatAfterMs: 1_500 })
    await email.register()
    await email.escalated('stalled', 'open')
    await acknowledge(email)
    assert.equal((await email.escalated('stalled', 'acknowledged')).nextNoticeAt, null)
  })

  it('is open again after a snooze, with another notice', async () => {
    const email = rig.email(stallAfter(200))
    await email.register()
    await email.escalated('stalled', 'open')
    await email.emailWorkflows.command(email, 'stalled', { do: 'snooze', by: 'ada', until: Date.now() + 500 })
    await email.escalated('stalled', 'snoozed')
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 2)
  })

  it('refuses commands that its state does not allow, and says why', async () => {
    const email = rig.email(stallAfter(200))
    await email.register()
    await email.escalated('stalled', 'open')
    await assert.rejects(
      email.emailWorkflows.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' }),
      (error) => error instanceof CommandRefusedError && /no such escalation/.test(error.message),
    )
    await email.emailWorkflows.command(email, 'stalled', { do: 'resolve', by: 'ada' })
    await assert.rejects(
      acknowledge(email),
      (error) => error instanceof CommandRefusedError && /already resolved/.test(error.message),
    )
  })

  it('stays open when the email is given up, and can be resolved afterwards', async () => {
    const email = rig.email({ ...stallAfter(200), escalationRepeatAfterMs: 200, giveUpAfterMs: 900 })
    await email.register()
    await email.closed()
    assert.equal((await email.escalated('stalled', 'open')).notices, 2)
    assert.equal((await email.emailWorkflows.command(email, 'stalled', { do: 'resolve', by: 'ada' })).state, 'resolved')
    await email.escalated('stalled', 'resolved')
    await email.closed()
  })

  it('of a settled email keeps the run open only until the last notice is sent, and can be snoozed and resolved afterwards', async () => {
    const email = rig.email({ escalationRepeatAfterMs: 500, lingerAfterSettledMs: 100 })
    await email.register('critical')
    await email.apply(email.hardBounce())
    await email.closed()
    assert.equal((await email.escalated('critical_bounce', 'open')).notices, 2)
    assert.equal(email.notices().length, 2)
    const until = Date.now() + 600
    await email.emailWorkflows.command(email, 'critical_bounce', { do: 'snooze', by: 'ada', until })
    await email.escalated('critical_bounce', 'open')
    await email.closed()
    assert.equal(email.notices().length, 3)
    await email.emailWorkflows.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' })
    await email.closed()
    assert.equal((await email.escalated('critical_bounce', 'resolved')).resolvedBy, 'ada')
  })

  it('keeps the run of a settled email open while a notice is undelivered', async () => {
    const email = rig.email({ lingerAfterSettledMs: 100, escalationRepeatAfterMs: 100 })
    rig.channelError = new Error('connection refused')
    await email.register('critical')
    await email.apply(email.hardBounce())
    await until(async () => (await email.escalated('critical_bounce', 'open')).notices === 2)
    assert.equal((await email.handle().describe()).status.name, 'RUNNING')
    rig.channelError = null
    await email.closed()
    assert.equal(email.notices().length, 2)
  })

  it('refuses a command on an unknown email, and leaves no run open', async () => {
    const email = rig.email()
    await assert.rejects(acknowledge(email), CommandRefusedError)
    await email.closed()
  })

  it('delays no event while the channel is down, and sends one notice when it is back', async () => {
    const email = rig.email(stallAfter(200))
    rig.channelError = new Error('connection refused')
    await email.register()
    await email.escalated('stalled', 'open')
    await email.apply(email.event('delivered'))
    assert.equal((await email.row()).status, 'delivered')
    rig.channelError = null
    await until(() => email.notices().length === 1)
  })
})
