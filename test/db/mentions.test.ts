import assert from 'node:assert/strict'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { eraseNextMentions } from '../../src/db/mentions.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { useDatabase } from '../stack.ts'
import { emailRow, rowWith, store } from './stored.ts'

const ada = 'ada@example.com'
const grace = 'grace@example.com'
const provider = 'aisend'

describe('a person in copy of an email to others', () => {
  const { db } = useDatabase('events, emails, suppressions, erasures')
  const toGrace = { to: [grace], recipient: grace }
  const put = (...events: Partial<ReceivedEvent>[]) => store(db, ...events.map((event) => ({ ...toGrace, ...event })))
  /** Applies stored events of the email em_1. */
  const apply = (expectedRevision: number, ...eventIds: string[]) =>
    saveSnapshot(db, { provider, emailId: 'em_1', snapshot: emptySnapshot, expectedRevision, eventIds })
  const apart = (payload: string, id: string): Partial<ReceivedEvent> => ({ id, payload })

  it('is erased from payloads, however they are written', async () => {
    const payloads = [
      '{"to":["grace@example.com"],"cc":["Ada <ada@example.com>"]}',
      '{"bcc":"ADA@Example.com"}',
      '{"cc":"ada\\u0040example.com"}',
      '{"cc":"Ada \\u003c\\u0041da@example.com\\u003e"}',
      '{"headers":"To: grace@example.com\\r\\nCc: bob@example.com,\\r\\n\\tada@example.com"}',
      '{"link":"https://acme.example/?from=ada%40example.com"}',
    ]
    await put(...payloads.map((payload, n) => apart(payload, `evt_${n}`)))
    assert.ok(await apply(0, ...payloads.map((_, n) => `evt_${n}`)))
    const { events, isComplete } = await eraseRecipient(db, ada, 500)
    assert.deepEqual([events, isComplete], [payloads.length, true])
    const rows = await db.event.findMany()
    assert.deepEqual(
      rows.map(({ payload, to, recipient }) => [payload, to, recipient]),
      payloads.map(() => [null, [grace], grace]),
    )
    assert.deepEqual((await emailRow(db, { provider, emailId: 'em_1' }))?.recipients, [grace])
  })

  it('is erased under every spelling of an international domain', async () => {
    const texts = ['Zoe@bücher.example', 'zoe@BÜCHER.example', 'zoe@xn--bcher-kva.example', 'zoe@b\\u00fccher.example']
    await put(...texts.map((text, n) => apart(`{"cc":"${text}"}`, `evt_${n}`)))
    await apply(0, ...texts.map((_, n) => `evt_${n}`))
    assert.equal((await eraseRecipient(db, 'zoe@xn--bcher-kva.example', 500)).events, texts.length)
  })

  it('is erased from the texts about others that name the address, and the other texts stay', async () => {
    const bounce = { class: 'hard', code: null, message: `<${ada}>: unknown, forwarded from ${grace}` } as const
    await put({ id: 'a', type: 'bounced', bounce, subject: 'Hello' })
    await apply(0, 'a')
    assert.equal((await eraseRecipient(db, ada, 500)).events, 1)
    const { bounceMessage, subject } = await rowWith(db, 'a')
    assert.deepEqual([bounceMessage, subject], [null, 'Hello'])
  })

  it('takes nothing from others, whose address may be longer', async () => {
    const kept = [
      '{"cc":"x.ada@example.com"}',
      '{"cc":"ada@example.community"}',
      '{"cc":"Ada \\u003cbob@example.com\\u003e"}',
    ]
    await put(...kept.map((payload, n) => apart(payload, `evt_${n}`)))
    await apply(0, ...kept.map((_, n) => `evt_${n}`))
    assert.equal((await eraseRecipient(db, ada, 500)).events, 0)
    assert.equal(await db.event.count({ where: { payload: { equals: {} } } }), 0)
    assert.equal((await emailRow(db, { provider, emailId: 'em_1' }))?.erasedAt, null)
  })

  it('is erased from quarantined events, and from pending and later ones when they are applied', async () => {
    const payload = `{"cc":"${ada}"}`
    await put(apart(payload, 'q'))
    await db.event.updateMany({ data: { quarantinedReason: 'no' } })
    await put(apart(payload, 'waiting'))
    assert.equal((await eraseRecipient(db, ada, 500)).events, 1)
    assert.ok((await rowWith(db, 'waiting')).payload)
    assert.ok(await apply(0, 'waiting'))
    await put(apart(payload, 'late'))
    assert.ok(await apply(1, 'late'))
    assert.doesNotMatch(JSON.stringify(await db.event.findMany()), /\bada\b/)
    const email = await emailRow(db, { provider, emailId: 'em_1' })
    assert.deepEqual([email?.recipients, email?.recipientDomain], [[grace], 'example.com'])
  })

  it('is erased from events that count copies as recipients, though the email was registered without them', async () => {
    await put({ id: 'a' })
    await apply(0, 'a')
    await put({ id: 'b', to: [grace, ada], payload: '{}' })
    await apply(1, 'b')
    assert.equal((await eraseRecipient(db, ada, 500)).events, 1)
    assert.deepEqual((await rowWith(db, 'b')).to, [grace, 'erased'])
    assert.doesNotMatch(JSON.stringify([await db.event.findMany(), await db.emailRecipient.findMany()]), /ada@/)
  })

  it('is erased by a repeated call from an event that was quarantined instead of applied', async () => {
    await put({ ...apart(`{"cc":"${ada}"}`, 'stuck'), receivedAt: Date.now() - 3_600_000 })
    await eraseRecipient(db, ada, 500)
    await db.event.updateMany({ data: { quarantinedReason: 'no' } })
    assert.equal((await eraseRecipient(db, ada, 500)).events, 1)
  })

  it('is searched in batches, by the time of receipt, and none is left out where many have the same', async () => {
    const now = Date.now()
    const times = [now - 9, now - 5, now - 5, now - 5, now - 5, now - 1]
    await put(...times.map((receivedAt, n) => ({ ...apart(`{"cc":"${ada}"}`, `evt_${n}`), receivedAt })))
    await apply(0, ...times.map((_, n) => `evt_${n}`))
    const found: number[] = []
    for (let after: Date | null | undefined; after !== null; ) {
      const { events, through } = await eraseNextMentions(db, ada, { after: after ?? null, limit: 2 })
      found.push(events)
      after = through
    }
    assert.deepEqual(found, [5, 1])
  })

  it('is searched again only in events that were received since', async () => {
    await eraseRecipient(db, ada, 500)
    const [before] = await db.personErasure.findMany()
    await put(
      { ...apart(`{"cc":"${ada}"}`, 'old'), receivedAt: Date.now() - 3_600_000 },
      apart(`{"cc":"${ada}"}`, 'new'),
    )
    await apply(0, 'old', 'new')
    assert.equal((await eraseRecipient(db, ada, 500)).events, 1)
    const [after] = await db.personErasure.findMany()
    assert.ok(Number(after?.searchedThrough) > Number(before?.searchedThrough))
    assert.doesNotMatch(JSON.stringify(after), /ada|example/)
  })
})
