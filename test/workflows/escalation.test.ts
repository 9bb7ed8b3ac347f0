import assert from 'node:assert/strict'
import { ProviderRefusedError } from '../../src/providers/provider.ts'
import { CommandRefusedError } from '../../src/temporal/lives.ts'
import { until } from '../until.ts'
import { Living, type LivingEmail, stallAfter } from './living.ts'

describe('a stall', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  const acknowledge = (email: LivingEmail) => email.lives.command(email, 'stalled', { do: 'acknowledge', by: 'ada' })

  it('is escalated, told twice, acknowledged, and resolved by a late delivery', async () => {
    const email = living.email({ ...stallAfter(300), escalationRepeatAfterMs: 300 })
    await email.register()
    const opened = await email.escalated('stalled', 'open')
    assert.match(opened.detail, /was asked/)
    await until(() => email.notices().length === 2)
    assert.deepEqual(
      email.notices().map(({ notice }) => notice),
      [1, 2],
    )
    assert.equal((await acknowledge(email)).acknowledgedBy, 'ada')
    await email.hear(email.event('delivered'))
    assert.equal((await email.escalated('stalled', 'resolved')).resolvedBy, 'delivered')
    assert.equal(email.notices().length, 2)
  })

  it('is none when the provider knows of the delivery: only the webhook was lost', async () => {
    const email = living.email(stallAfter(300))
    living.answers.set(email.emailId, [email.event('delivered', { id: `reconcile:${email.emailId}:delivered` })])
    await email.register()
    await until(async () => (await email.row()).status === 'delivered')
    assert.deepEqual(await email.escalations(), [])
  })

  it('is escalated with a note when the provider cannot be asked', async () => {
    const email = living.email(stallAfter(200))
    living.answers.set(email.emailId, new ProviderRefusedError('the key is not accepted'))
    await email.hear(email.event('sent'))
    assert.match((await email.escalated('stalled', 'open')).detail, /could not be asked/)
  })

  it('is not told a second time once somebody has acknowledged it', async () => {
    const email = living.email({ ...stallAfter(200), escalationRepeatAfterMs: 1_500 })
    await email.register()
    await email.escalated('stalled', 'open')
    await acknowledge(email)
    assert.equal((await email.escalated('stalled', 'acknowledged')).nextNoticeAt, null)
  })

  it('wakes from a snooze and is told again', async () => {
    const email = living.email(stallAfter(200))
    await email.register()
    await email.escalated('stalled', 'open')
    await email.lives.command(email, 'stalled', { do: 'snooze', by: 'ada', until: Date.now() + 500 })
    await email.escalated('stalled', 'snoozed')
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 2)
  })

  it('refuses commands that make no sense, and says why', async () => {
    const email = living.email(stallAfter(200))
    await email.register()
    await email.escalated('stalled', 'open')
    await assert.rejects(
      email.lives.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' }),
      (error) => error instanceof CommandRefusedError && /no such escalation/.test(error.message),
    )
    await email.lives.command(email, 'stalled', { do: 'resolve', by: 'ada' })
    await assert.rejects(
      acknowledge(email),
      (error) => error instanceof CommandRefusedError && /already resolved/.test(error.message),
    )
  })

  it('is left open for people when the life is given up, and can be dealt with afterwards', async () => {
    const email = living.email({ ...stallAfter(200), escalationRepeatAfterMs: 200, giveUpAfterMs: 900 })
    await email.register()
    await email.closed()
    assert.equal((await email.escalated('stalled', 'open')).notices, 2)
    assert.equal((await email.lives.command(email, 'stalled', { do: 'resolve', by: 'ada' })).state, 'resolved')
    await email.escalated('stalled', 'resolved')
    await email.closed()
  })

  it('starts no life for a command on an email that nobody has heard of', async () => {
    const email = living.email()
    await assert.rejects(acknowledge(email), CommandRefusedError)
    await email.closed()
  })

  it('holds up no event while support’s channel is down, and is told once when it is back', async () => {
    const email = living.email(stallAfter(200))
    living.channelError = new Error('connection refused')
    await email.register()
    await email.escalated('stalled', 'open')
    await email.hear(email.event('delivered'))
    assert.equal((await email.row()).status, 'delivered')
    living.channelError = null
    await until(() => email.notices().length === 1)
  })
})
