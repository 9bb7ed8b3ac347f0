import assert from 'node:assert/strict'
import { readSoftBouncesAround, suppressEventRecipient } from '../../src/db/recipients.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import type { EventSuppressionReason } from '../../src/domain/suppression.ts'
import { useDatabase } from '../stack.ts'
import { store } from './stored.ts'

const dayMs = 24 * 3_600_000
const soft = { class: 'soft', code: '4.2.2', message: null } as const

describe('the recipient of an event', () => {
  const { db } = useDatabase('events, emails, suppressions')

  const bounce = (id: string, parts: Partial<ReceivedEvent> = {}) => store(db, { id, type: 'bounced', ...parts })
  const suppress = (eventId: string, reason: EventSuppressionReason = 'hard_bounce') =>
    suppressEventRecipient(db, { provider: 'aisend', eventId, reason })
  const emailTo = (...recipients: string[]) =>
    db.email.create({ data: { id: 'em_1', provider: 'aisend', to: recipients, recipients } })
  const suppressed = async () => {
    const rows = await db.suppression.findMany({ where: { removedAt: null }, orderBy: { address: 'asc' } })
    return rows.map(({ address, reason }) => `${address} ${reason}`)
  }

  it('is suppressed when the event names it, whatever other recipients the email has', async () => {
    await emailTo('ada@example.com', 'bob@example.org')
    await bounce('evt_1', { to: ['ada@example.com', 'bob@example.org'], recipient: 'bob@example.org' })
    assert.equal(await suppress('evt_1'), 'suppressed')
    const row = await db.suppression.findFirstOrThrow()
    assert.deepEqual([row.address, row.reason], ['bob@example.org', 'hard_bounce'])
    assert.deepEqual([row.provider, row.emailId, row.eventId], ['aisend', 'em_1', 'evt_1'])
  })

  it('is the only one of the registered email when the event names none', async () => {
    await emailTo('ada@example.com')
    await bounce('evt_1', { to: [], recipient: null })
    assert.equal(await suppress('evt_1', 'complaint'), 'suppressed')
    assert.deepEqual(await suppressed(), ['ada@example.com complaint'])
  })

  it('is unclear when the email has several or is unknown, and the event names none', async () => {
    await bounce('evt_1', { to: [], recipient: null })
    assert.equal(await suppress('evt_1'), 'recipient_unclear')
    await emailTo('ada@example.com', 'bob@example.org')
    assert.equal(await suppress('evt_1'), 'recipient_unclear')
    assert.deepEqual(await suppressed(), [])
  })

  it('is not suppressed by an applied event, clear or not', async () => {
    await bounce('evt_1')
    await bounce('evt_2', { recipient: null, to: [] })
    await db.$executeRaw`UPDATE events SET applied_at = now()`
    assert.equal(await suppress('evt_1'), 'already_suppressed')
    assert.equal(await suppress('evt_2'), 'already_suppressed')
    assert.deepEqual(await suppressed(), [])
  })

  it('is suppressed by no hard bounce that is not its fault, and asks nobody which recipient it is', async () => {
    const dmarc = {
      class: 'hard',
      code: '5.7.26',
      message: '550 5.7.26 Unauthenticated email is not accepted',
    } as const
    await bounce('evt_1', { bounce: dmarc })
    await bounce('evt_2', { bounce: dmarc, recipient: null, to: [] })
    await bounce('evt_3', { bounce: { class: 'hard', code: '5.1.1', message: '550 5.1.1 Mailbox full' } })
    for (const id of ['evt_1', 'evt_2', 'evt_3']) assert.equal(await suppress(id), 'not_held_against_recipient')
    assert.deepEqual(await suppressed(), [])
    await bounce('evt_4', { bounce: { class: 'hard', code: '5.7.1', message: '550 5.7.1 No such user' } })
    assert.equal(await suppress('evt_4'), 'suppressed')
  })

  it('is suppressed by a complaint, whatever its bounces say', async () => {
    await bounce('evt_1', { type: 'complained', bounce: null })
    assert.equal(await suppress('evt_1', 'complaint'), 'suppressed')
  })

  it('is not suppressed by an unknown event', async () => {
    assert.equal(await suppress('evt_9'), 'already_suppressed')
    assert.deepEqual(await suppressed(), [])
  })

  it('is suppressed once, with the first reason, by any number of events and attempts', async () => {
    await bounce('evt_1')
    await bounce('evt_2', { type: 'complained' })
    assert.equal(await suppress('evt_1'), 'suppressed')
    assert.equal(await suppress('evt_1'), 'already_suppressed')
    assert.equal(await suppress('evt_2', 'complaint'), 'already_suppressed')
    assert.deepEqual(await suppressed(), ['ada@example.com hard_bounce'])
  })

  it('is added once by concurrent statements', async () => {
    const ids = Array.from({ length: 10 }, (_, n) => `evt_${n}`)
    for (const id of ids) await bounce(id)
    const outcomes = await Promise.all([...ids, ...ids].map((id) => suppress(id)))
    assert.equal(outcomes.filter((outcome) => outcome === 'suppressed').length, 1)
    assert.equal((await suppressed()).length, 1)
  })

  it('stays removed for a repeat of the event, and is suppressed again by another event', async () => {
    await bounce('evt_1')
    await suppress('evt_1')
    await db.$executeRaw`UPDATE suppressions SET removed_at = now()`
    assert.equal(await suppress('evt_1'), 'already_suppressed')
    assert.deepEqual(await suppressed(), [])
    await bounce('evt_2')
    assert.equal(await suppress('evt_2'), 'suppressed')
    assert.equal(await db.suppression.count(), 2, 'the history stays')
  })

  describe('and its soft bounces', () => {
    const noon = Date.UTC(2026, 5, 15, 12)
    const daysAround = async (eventId: string) => {
      const found = await readSoftBouncesAround(db, 'aisend', eventId)
      const days = found?.around.map((at) => Math.round((at.getTime() - noon) / dayMs)) ?? []
      return [...new Set(days)].sort((a, b) => a - b)
    }
    const softBounce = (id: string, day: number, parts: Partial<ReceivedEvent> = {}) =>
      bounce(id, { emailId: `em_${id}`, occurredAt: noon + day * dayMs, bounce: soft, ...parts })

    it('are those within 14 days before and after, so that a late one counts later ones too', async () => {
      for (const day of [-15, -14, -3, 0, 3, 14, 15]) await softBounce(`d${day}`, day)
      assert.deepEqual(await daysAround('d0'), [-14, -3, 0, 3, 14])
      await softBounce('late', -1)
      assert.deepEqual(await daysAround('late'), [-15, -14, -3, -1, 0, 3])
    })

    it('are those of all its emails and of no other recipient, without hard bounces', async () => {
      await softBounce('a', 0)
      await softBounce('b', 1)
      await softBounce('c', 2, { recipient: 'bob@example.org', to: ['bob@example.org'] })
      await softBounce('d', 3, { bounce: { ...soft, class: 'hard' } })
      await softBounce('e', 4, { type: 'delivered', bounce: null })
      assert.deepEqual(await daysAround('a'), [0, 1])
    })

    it('are returned with recipient and time', async () => {
      await softBounce('a', 0, { receivedAt: noon + 5 })
      const found = await readSoftBouncesAround(db, 'aisend', 'a')
      assert.equal(found?.recipient, 'ada@example.com')
      assert.deepEqual([found.occurredAt.getTime(), found.receivedAt.getTime()], [noon, noon + 5])
    })

    it('count only where the mailbox is full or inactive', async () => {
      const greylisted = { ...soft, code: '4.7.1', message: '451 4.7.1 Greylisted' } as const
      await softBounce('a', 0)
      await softBounce('b', 1, { bounce: greylisted })
      await softBounce('c', 2, { bounce: { ...soft, code: '4.2.1', message: '450 4.2.1 mailbox is disabled' } })
      assert.deepEqual(await daysAround('a'), [0, 2])
      assert.equal(await readSoftBouncesAround(db, 'aisend', 'b'), null)
    })

    it('count for the only recipient of the email when they name none', async () => {
      await emailTo('ada@example.com')
      await softBounce('a', 0)
      await softBounce('unnamed', 1, { emailId: 'em_1', recipient: null, to: [] })
      assert.deepEqual(await daysAround('unnamed'), [0, 1])
    })

    it('do not add up for events without a recipient, such as deferrals', async () => {
      await emailTo('ada@example.com')
      const unnamed = { emailId: 'em_1', recipient: null, to: ['ada@example.com'] }
      for (const day of [0, 1, 2, 3]) await softBounce(`put-off-${day}`, day, unnamed)
      assert.deepEqual(await daysAround('put-off-3'), [])
    })

    it('do not count when the recipient is unclear', async () => {
      await emailTo('ada@example.com', 'bob@example.org')
      await softBounce('unclear', 0, { emailId: 'em_1', recipient: null, to: [] })
      assert.equal(await readSoftBouncesAround(db, 'aisend', 'unclear'), null)
      assert.equal(await readSoftBouncesAround(db, 'aisend', 'unknown'), null)
    })
  })
})
