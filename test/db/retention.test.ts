import assert from 'node:assert/strict'
import {
  type EraseByAge,
  eraseOldEmailAddresses,
  eraseOldEventAddresses,
  eraseOldPayloads,
} from '../../src/db/retention.ts'
import { useDatabase } from '../stack.ts'
import { store } from './stored.ts'

const now = Date.now()
const dayMs = 24 * 3_600_000

describe('erasing by age', () => {
  const { db } = useDatabase('events, emails, email_recipients, retention_progress')
  const add = async (
    id: string,
    days: number,
    state: 'applied' | 'pending' | 'quarantined' = 'applied',
    type = 'sent',
  ) => {
    await store(db, { id, type, receivedAt: now - days * dayMs, subject: 'A secret', payload: `{"id":"${id}"}` })
    await db.event.updateMany({
      where: { eventId: id },
      data: {
        appliedAt: state === 'applied' ? new Date() : null,
        quarantinedReason: state === 'quarantined' ? 'no' : null,
      },
    })
  }
  /** Like the schedule's activity: repeats until no rows are found. */
  const erase = async (statement: EraseByAge, days: number, limit = 2) => {
    let total = 0
    for (let count = -1; count !== 0; total += count) count = await statement(db, now - days * dayMs, limit)
    return total
  }
  const withPayload = async () =>
    (await db.event.findMany({ orderBy: { eventId: 'asc' } })).flatMap((row) =>
      row.payload === null ? [] : [row.eventId],
    )

  it('erases the payloads of old events, and retains IDs, types and times', async () => {
    for (const [id, days] of Object.entries({ a: 40, b: 35, c: 35, d: 31, e: 29 })) await add(id, days)
    assert.equal(await erase(eraseOldPayloads, 30), 4)
    assert.deepEqual(await withPayload(), ['e'])
    assert.deepEqual([await db.event.count(), (await db.event.findFirst())?.subject], [5, 'A secret'])
    assert.equal(await erase(eraseOldPayloads, 28), 1)
  })

  it('continues from its progress, also among events with the same time', async () => {
    for (let n = 0; n < 7; n++) await add(`e${n}`, 40)
    assert.equal(await eraseOldPayloads(db, now - 30 * dayMs, 3), 3)
    assert.equal(await eraseOldPayloads(db, now - 30 * dayMs, 3), 3)
    assert.equal((await withPayload()).length, 1)
    assert.equal(await erase(eraseOldPayloads, 30), 1)
  })

  it('erases payloads of quarantined events, but not of pending events and registrations', async () => {
    await add('q', 40, 'quarantined')
    await add('r', 40, 'applied', 'aftersend.registered')
    await add('w', 39, 'pending')
    await add('x', 38)
    await erase(eraseOldPayloads, 30)
    // Events after a pending one are not erased either.
    assert.deepEqual(await withPayload(), ['r', 'w', 'x'])
    await db.event.updateMany({ where: { eventId: 'w' }, data: { appliedAt: new Date() } })
    await erase(eraseOldPayloads, 30)
    assert.deepEqual(await withPayload(), ['r'])
  })

  it('erases addresses, subjects and messages in events and emails, and marks the emails', async () => {
    await add('a', 200)
    await db.event.updateMany({ data: { response: '250 accepted for ada@example.com' } })
    await add('b', 100)
    const email = (id: string, days: number, recipients: string[]) => ({
      ...{ id, provider: 'aisend', to: recipients, recipients, subject: 'A secret', recipientDomain: 'example.com' },
      createdAt: new Date(now - days * dayMs),
    })
    await db.email.createMany({
      data: [
        email('em_old', 200, ['ada@example.com', 'grace@example.com']),
        email('em_young', 100, ['bob@example.com']),
      ],
    })
    assert.equal(await erase(eraseOldEventAddresses, 180), 1)
    assert.equal(await erase(eraseOldEmailAddresses, 180), 1)
    const rows = await db.event.findMany({ orderBy: { eventId: 'asc' } })
    assert.deepEqual(
      rows.map(({ recipient, to, subject, response }) => [recipient, to, subject, response]),
      [
        [null, [], null, null],
        ['ada@example.com', ['ada@example.com'], 'A secret', null],
      ],
    )
    const [old, young] = await db.email.findMany({ orderBy: { id: 'asc' } })
    assert.deepEqual([old?.to, old?.subject, old?.recipientDomain], [['erased', 'erased'], null, 'example.com'])
    assert.ok(old?.erasedAt)
    assert.deepEqual([young?.to, young?.erasedAt], [['bob@example.com'], null])
    const recipients = await db.emailRecipient.findMany({ orderBy: { emailId: 'asc' } })
    assert.deepEqual(
      recipients.map(({ address, domain }) => [address, domain]),
      [
        [null, 'example.com'],
        [null, 'example.com'],
        ['bob@example.com', 'example.com'],
      ],
    )
  })
})
