import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { until } from '../until.ts'
import { EmailRig } from './email-rig.ts'

const day = 24 * 3_600_000

describe('a bounce or complaint', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const suppressionsOf = (address: string) => rig.db.suppression.findMany({ where: { address } })

  it('adds the recipient to the suppression list once, with the reason and the event', async () => {
    const email = rig.email()
    const to = [`${randomUUID()}@example.com`]
    await email.register(null, to)
    const bounce = email.hardBounce({ recipient: to[0] ?? null })
    await email.apply(bounce, email.event('complained', { recipient: to[0] ?? null }))
    const [suppression, ...others] = await suppressionsOf(to[0] ?? '')
    assert.deepEqual([suppression?.reason, suppression?.eventId, others.length], ['hard_bounce', bounce.id, 0])
    assert.equal((await email.row()).status, 'complained')
  })

  it('suppresses only the named one of several recipients', async () => {
    const email = rig.email()
    const [one, other] = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`]
    await email.register(null, [one, other])
    await email.apply(email.hardBounce({ to: [one, other], recipient: other }))
    assert.equal((await suppressionsOf(other)).length, 1)
    assert.equal((await suppressionsOf(one)).length, 0)
  })

  it('opens an escalation and suppresses nobody when it names none of several recipients', async () => {
    const email = rig.email()
    const to = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`]
    await email.register(null, to)
    await email.apply(email.hardBounce({ to, recipient: null }))
    await email.escalated('recipient_unclear', 'open')
    for (const address of to) assert.equal((await suppressionsOf(address)).length, 0)
  })

  it('sends a notice at once when the email is critical, one for each reason', async () => {
    const email = rig.email()
    await email.register('critical')
    await email.apply(email.hardBounce(), email.hardBounce(), email.event('complained'))
    await email.escalated('critical_bounce', 'open')
    await email.escalated('critical_complaint', 'open')
    await until(() => email.notices().length === 2)
    assert.deepEqual(
      email
        .notices()
        .map(({ notice, reason }) => `${reason} ${notice}`)
        .sort(),
      ['critical_bounce 1', 'critical_complaint 1'],
    )
  })

  it('that is not the recipient’s fault ends a critical email as failed, and tells support why and who must act', async () => {
    const email = rig.email()
    const to = `${randomUUID()}@example.com`
    await email.register('critical', [to])
    const message = '550-5.7.26 Unauthenticated email from example.org is not accepted due to its DMARC policy'
    await email.apply(
      email.event('bounced', { to: [to], recipient: to, bounce: { class: 'hard', code: '5.7.26', message } }),
    )
    const { detail } = await email.escalated('critical_bounce', 'open')
    assert.equal(detail, 'A critical email failed for good: authentication, caused by the sender.')
    const { status, delivery, settledReceivedAt, failureParty } = await email.row()
    assert.deepEqual([status, delivery, failureParty], ['failed', 'failed', 'sender'])
    assert.ok(settledReceivedAt)
    assert.equal((await suppressionsOf(to)).length, 0)
    assert.deepEqual(
      (await email.escalations()).map(({ reason }) => reason),
      ['critical_bounce'],
    )
  })

  it('that is soft does not settle delivery', async () => {
    const email = rig.email()
    const soft = email.event('bounced', { bounce: { class: 'soft', code: '4.2.2', message: null } })
    await email.apply(email.event('sent'), soft)
    assert.equal((await email.row()).status, 'deferred')
    await email.apply(email.event('delivered'))
    assert.equal((await email.row()).status, 'delivered')
  })

  it('that is soft counts as hard on the recipient’s third day of soft bounces within 14', async () => {
    const address = `${randomUUID()}@example.com`
    const now = Date.now()
    const emails = [0, 1, 2].map(() => rig.email())
    for (const [index, email] of emails.entries()) {
      const soft = { class: 'soft' as const, code: '4.2.2', message: null }
      const occurredAt = now - (2 - index) * 3 * day
      await email.apply(email.event('bounced', { to: [address], recipient: address, occurredAt, bounce: soft }))
    }
    const statuses = await Promise.all(emails.map(async (email) => (await email.row()).status))
    assert.deepEqual(statuses, ['deferred', 'deferred', 'bounced'])
    const [suppression] = await suppressionsOf(address)
    assert.equal(suppression?.reason, 'repeated_soft_bounces')
  })
})
