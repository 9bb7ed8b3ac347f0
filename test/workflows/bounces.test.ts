import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { until } from '../until.ts'
import { Living } from './living.ts'

const day = 24 * 3_600_000

describe('a bounce or complaint', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  const suppressionsOf = (address: string) => living.db.suppression.findMany({ where: { address } })

  it('puts the recipient on the suppression list once, with the reason and the event behind it', async () => {
    const email = living.email()
    const to = [`${randomUUID()}@example.com`]
    await email.register(null, to)
    const bounce = email.hardBounce({ recipient: to[0] ?? null })
    await email.hear(bounce, email.event('complained', { recipient: to[0] ?? null }))
    const [suppression, ...others] = await suppressionsOf(to[0] ?? '')
    assert.deepEqual([suppression?.reason, suppression?.eventId, others.length], ['hard_bounce', bounce.id, 0])
    assert.equal((await email.row()).status, 'complained')
  })

  it('suppresses of several recipients only the one that it names', async () => {
    const email = living.email()
    const [one, other] = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`]
    await email.register(null, [one, other])
    await email.hear(email.hardBounce({ to: [one, other], recipient: other }))
    assert.equal((await suppressionsOf(other)).length, 1)
    assert.equal((await suppressionsOf(one)).length, 0)
  })

  it('asks people which recipient it is about when it names none, and suppresses nobody', async () => {
    const email = living.email()
    const to = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`]
    await email.register(null, to)
    await email.hear(email.hardBounce({ to, recipient: null }))
    await email.escalated('recipient_unclear', 'open')
    for (const address of to) assert.equal((await suppressionsOf(address)).length, 0)
  })

  it('calls support at once when the email is critical, once for each reason', async () => {
    const email = living.email()
    await email.register('critical')
    await email.hear(email.hardBounce(), email.hardBounce(), email.event('complained'))
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

  it('that is soft is not the end: delivery may still come', async () => {
    const email = living.email()
    const soft = email.event('bounced', { bounce: { class: 'soft', code: '4.2.2', message: null } })
    await email.hear(email.event('sent'), soft)
    assert.equal((await email.row()).status, 'deferred')
    await email.hear(email.event('delivered'))
    assert.equal((await email.row()).status, 'delivered')
  })

  it('that is soft counts as hard when it is the recipient’s third day of them within 14', async () => {
    const address = `${randomUUID()}@example.com`
    const now = Date.now()
    const emails = [0, 1, 2].map(() => living.email())
    for (const [index, email] of emails.entries()) {
      const soft = { class: 'soft' as const, code: '4.2.2', message: null }
      const occurredAt = now - (2 - index) * 3 * day
      await email.hear(email.event('bounced', { to: [address], recipient: address, occurredAt, bounce: soft }))
    }
    const statuses = await Promise.all(emails.map(async (email) => (await email.row()).status))
    assert.deepEqual(statuses, ['deferred', 'deferred', 'bounced'])
    const [suppression] = await suppressionsOf(address)
    assert.equal(suppression?.reason, 'repeated_soft_bounces')
  })
})
