import assert from 'node:assert/strict'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { suppressEventRecipient } from '../../src/db/recipients.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import {
  addManualSuppression,
  countNewSuppressions,
  findActiveSuppressions,
  importSuppressions,
  removeSuppression,
} from '../../src/db/suppressions.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { store } from './stored.ts'

const ada = 'ada@example.com'
const grace = 'grace@example.com'
const provider = 'aisend'

describe('an erased person', () => {
  const { db } = useDatabase('events, emails, email_recipients, suppressions, erasures')
  const withPersonalData = (parts: Partial<ReceivedEvent>): Partial<ReceivedEvent> => {
    const to = parts.to ?? [ada]
    return { to, recipient: to[0] ?? null, subject: `For ${to}`, payload: JSON.stringify({ to }), ...parts }
  }
  /** Stores and applies events of an email, like its workflow. */
  const apply = async (emailId: string, expectedRevision: number, ...events: Partial<ReceivedEvent>[]) => {
    await store(db, ...events.map((event) => ({ ...withPersonalData(event), emailId })))
    const eventIds = events.map(({ id }) => id ?? 'evt_1')
    assert.ok(await saveSnapshot(db, { provider, emailId, snapshot: emptySnapshot, expectedRevision, eventIds }))
  }
  const erase = (address = ada, limit = 500) => eraseRecipient(db, address, limit)
  const event = (eventId: string) => db.event.findFirstOrThrow({ where: { provider, eventId } })
  const email = (id: string) => db.email.findUniqueOrThrow({ where: { id_provider: { id, provider } } })

  /** The content of the database as text. */
  const everything = async () => {
    const tables = await Promise.all([
      db.email.findMany(),
      db.emailRecipient.findMany(),
      db.event.findMany(),
      db.suppression.findMany(),
    ])
    return JSON.stringify(tables, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }
  /** As a word: a key, in hexadecimal, may contain it. */
  const isGone = async (name = 'ada') => assert.doesNotMatch(await everything(), new RegExp(`\\b${name}\\b`))

  it('is removed under both spellings of an international domain', async () => {
    const spellings = ['zoe@bücher.example', 'zoe@xn--bcher-kva.example']
    for (const [index, address] of spellings.entries()) {
      await apply(`em_${index}`, 0, { id: `evt_${index}`, to: [address] })
      await addManualSuppression(db, 'default', address)
    }
    const { emails, events, suppressions } = await erase('zoe@xn--bcher-kva.example')
    assert.deepEqual([emails, events, suppressions], [2, 2, 1])
    await isGone('zoe')
    const [found] = await findActiveSuppressions(db, 'default', ['zoe@xn--bcher-kva.example'])
    assert.equal(found?.address, 'zoe@xn--bcher-kva.example')
  })

  it('is removed from emails and events, and counts stay', async () => {
    await apply(
      'em_1',
      0,
      { id: 'a' },
      { id: 'b', type: 'bounced', bounce: { class: 'hard', code: '5.1.1', message: `${ada}?` } },
    )
    assert.deepEqual(await erase(), { emails: 1, events: 2, suppressions: 0, pending: 0, isComplete: true })
    await isGone()
    const { to, subject, recipientDomain, revision } = await email('em_1')
    assert.deepEqual([to, subject, recipientDomain, revision], [['erased'], null, 'example.com', 1])
    const bounce = await event('b')
    assert.deepEqual(
      [bounce.type, bounce.bounceClass, bounce.bounceCode, bounce.payload],
      ['bounced', 'hard', '5.1.1', null],
    )
    assert.deepEqual(await erase(), { emails: 0, events: 0, suppressions: 0, pending: 0, isComplete: true })
  })

  it('is the only one removed from an email to several', async () => {
    await registerEmail(
      db,
      {
        provider,
        emailId: 'em_1',
        to: ['Ada@Example.com', 'Grace@Example.com'],
        subject: 'Both',
        tags: null,
        priority: null,
        as: 'sent',
      },
      receivedEvent({
        id: 'r',
        type: 'aftersend.registered',
        to: [ada, grace],
        payload: '{"as":"sent","priority":null}',
      }),
    )
    const bounce = { class: 'hard', code: null, message: 'grace is full' } as const
    await apply('em_1', 0, { id: 'a', to: [ada, grace] }, { id: 'g', to: [grace], type: 'bounced', bounce })
    await erase()
    await isGone()
    const { to, recipients, subject } = await email('em_1')
    assert.deepEqual([to, recipients, subject], [['erased', 'Grace@Example.com'], ['erased', grace], 'Both'])
    const { recipient, bounceMessage, payload } = await event('g')
    assert.deepEqual([recipient, bounceMessage, payload], [grace, 'grace is full', null])
    assert.deepEqual((await event('r')).payload, { as: 'sent', priority: null })
  })

  it('stays suppressed, is found by address, and is stored without it', async () => {
    await apply('em_1', 0, { id: 'a' })
    await addManualSuppression(db, 'default', ada)
    assert.equal((await erase()).suppressions, 1)
    await isGone()
    const [found] = await findActiveSuppressions(db, 'default', ['bob@example.com', ada])
    assert.deepEqual([found?.address, found?.reason], [ada, 'manual'])
    assert.equal((await addManualSuppression(db, 'default', ada)).created, false)
    assert.equal(await countNewSuppressions(db, 'default', [{ address: ada, reason: 'manual' }]), 0)
    assert.equal(await importSuppressions(db, 'default', [{ address: ada, reason: 'manual' }]), 0)
    await isGone()
    assert.equal((await erase()).suppressions, 0)
    assert.equal(await removeSuppression(db, 'default', ada), true)
    assert.deepEqual(await findActiveSuppressions(db, 'default', [ada]), [])
  })

  it('stays suppressed once, also when the address was added to the list meanwhile', async () => {
    await addManualSuppression(db, 'default', ada)
    await erase()
    await db.suppression.create({ data: { address: ada, reason: 'manual' } })
    assert.deepEqual(
      (await findActiveSuppressions(db, 'default', [ada])).map(({ address }) => address),
      [ada],
    )
    await erase()
    await isGone()
    assert.equal(await db.suppression.count(), 1)
  })

  it('is suppressed by a hash for a late event, which is erased when it is applied', async () => {
    await apply('em_1', 0, { id: 'a' })
    await erase()
    const late = {
      emailId: 'em_1',
      id: 'late',
      type: 'bounced',
      bounce: { class: 'hard', code: null, message: `no ${ada}` },
    } as const
    await store(db, withPersonalData(late))
    assert.equal(await suppressEventRecipient(db, { provider, eventId: 'late', reason: 'hard_bounce' }), 'suppressed')
    assert.equal(
      await suppressEventRecipient(db, { provider, eventId: 'late', reason: 'hard_bounce' }),
      'already_suppressed',
    )
    await saveSnapshot(db, {
      provider,
      emailId: 'em_1',
      snapshot: emptySnapshot,
      expectedRevision: 1,
      eventIds: ['late'],
    })
    await isGone()
    assert.equal((await findActiveSuppressions(db, 'default', [ada]))[0]?.reason, 'hard_bounce')
    assert.equal((await email('em_1')).subject, null)
  })

  it('is not derived from an event without a recipient', async () => {
    await apply('em_1', 0, { id: 'a' })
    await erase()
    await store(db, { emailId: 'em_1', id: 'late', type: 'complained', to: [], recipient: null })
    const outcome = await suppressEventRecipient(db, { provider, eventId: 'late', reason: 'complaint' })
    assert.deepEqual([outcome, await db.suppression.count()], ['already_suppressed', 0])
  })

  it('is suppressed by a pending event, and removed when it is applied', async () => {
    await store(db, withPersonalData({ emailId: 'em_9', id: 'w', type: 'complained' }))
    assert.deepEqual(await erase(), { emails: 0, events: 0, suppressions: 0, pending: 1, isComplete: true })
    await suppressEventRecipient(db, { provider, eventId: 'w', reason: 'complaint' })
    assert.ok(
      await saveSnapshot(db, {
        provider,
        emailId: 'em_9',
        snapshot: emptySnapshot,
        expectedRevision: 0,
        eventIds: ['w'],
      }),
    )
    await isGone()
    assert.equal((await findActiveSuppressions(db, 'default', [ada])).length, 1)
  })

  it('is removed from quarantined events, and from events of emails to others', async () => {
    await store(db, withPersonalData({ emailId: 'em_q', id: 'q' }))
    await db.event.updateMany({ data: { quarantinedReason: 'no' } })
    await apply(
      'em_1',
      0,
      { id: 'g', to: [grace] },
      { id: 'h', to: [grace], recipient: ada, payload: `{"bcc":"${ada}"}` },
    )
    assert.equal((await erase()).events, 2)
    await isGone()
    assert.deepEqual((await email('em_1')).recipients, [grace])
  })

  it('is not restored by a repeated registration', async () => {
    await apply('em_1', 0, { id: 'a' })
    await erase()
    await registerEmail(
      db,
      { provider, emailId: 'em_1', to: [ada], subject: 'For Ada, ada', tags: null, priority: null, as: 'sent' },
      receivedEvent({ id: 'r', type: 'aftersend.registered', to: [ada] }),
    )
    await isGone()
  })

  it('is erased in batches, without effect on others', async () => {
    for (let n = 0; n < 5; n++) await apply(`em_${n}`, 0, { id: `a${n}` })
    await apply('em_g', 0, { id: 'g', to: [grace] })
    const calls = [await erase(ada, 2), await erase(ada, 2), await erase(ada, 2)]
    assert.deepEqual(
      calls.map(({ emails, isComplete }) => [emails, isComplete]),
      [
        [2, false],
        [2, false],
        [1, true],
      ],
    )
    await isGone()
    assert.deepEqual([(await email('em_g')).subject, (await event('g')).recipient], [`For ${grace}`, grace])
  })
})
