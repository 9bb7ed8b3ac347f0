import assert from 'node:assert/strict'
import type { Email } from '../../src/client/index.ts'
import type { Prisma } from '../../src/db/generated/client.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { useDatabase } from '../stack.ts'
import { useApi } from './served.ts'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 12, minute))
const [ada, bob, cyd] = ['ada@gmail.com', 'bob@example.com', 'cyd@example.com'] as const

describe('the recipients of an email', () => {
  const { db } = useDatabase('emails, events, suppressions')
  const served = useApi(() => ({ db }))

  const addEmail = (id: string, recipients: string[], more: Partial<Prisma.EmailCreateInput> = {}) =>
    db.email.create({
      data: { id, provider: 'aisend', to: recipients, recipients, firstReceivedAt: at(1), sentAt: at(1), ...more },
    })

  let events = 0
  const addEvent = (emailId: string, type: string, more: Partial<Prisma.EventCreateInput> = {}) =>
    db.event.create({
      data: {
        eventId: `evt_${++events}`,
        ...{ provider: 'aisend', emailId, type, payload: {} },
        ...{ occurredAt: at(2), receivedAt: at(2), appliedAt: at(2) },
        ...more,
      },
    })
  const setRecipient = (emailId: string, address: string, data: Prisma.EmailRecipientUpdateManyMutationInput) =>
    db.emailRecipient.updateMany({ where: { emailId, address }, data: { firstReceivedAt: at(2), ...data } })

  const read = async (id: string): Promise<Email> => {
    const response = await served.call('GET', `/v1/emails/${id}`)
    assert.equal(response.status, 200)
    return (await response.json()) as Email
  }
  const bounced = {
    ...{ bounceClass: 'hard', bounceCode: '5.7.26', bounceMessage: '550 5.7.26 ada@gmail.com: DMARC' },
    ...{ failureReason: 'authentication', failureParty: 'sender', failureOutcome: 'failed', failureIsFinal: true },
    ...{ failureRule: 'google.dmarc', failureEvidence: '550 5.7.26 …: DMARC', failureRulesVersion: 1 },
  }
  const { failureReason, failureParty, failureOutcome } = bounced
  const failure = {
    ...{ reason: 'authentication', party: 'sender', isFinal: true, code: '5.7.26' },
    ...{ evidence: '550 5.7.26 …: DMARC', rule: 'google.dmarc' },
  }
  const worst = (eventId: string) => ({
    ...{ bounceClass: 'hard', bounceCode: '5.7.26', bouncedAt: at(2), bounceEventId: eventId },
    ...{ failureReason, failureParty, failureOutcome },
  })

  it('tell their own delivery, failure, opens and suppression, in the order of the email', async () => {
    await addEmail('em_1', [ada, cyd, bob], { status: 'failed', delivery: 'failed', ...worst('evt_dmarc') })
    await addEvent('em_1', 'bounced', { eventId: 'evt_dmarc', recipient: ada, ...bounced })
    await setRecipient('em_1', ada, worst('evt_dmarc'))
    await setRecipient('em_1', bob, { deliveredAt: at(3), opensTotal: 2, opensHuman: 1, opensFirstAt: at(4) })
    await addManualSuppression(db, 'default', bob)

    const email = await read('em_1')
    assert.deepEqual(
      email.recipients.map(({ address, status, delivery, suppressed }) => [address, status, delivery, suppressed]),
      [
        [ada, 'failed', 'failed', false],
        [cyd, 'queued', 'queued', false],
        [bob, 'opened', 'delivered', true],
      ],
    )
    assert.deepEqual(email.recipients[0]?.failure, failure)
    assert.deepEqual(email.failure, failure)
    assert.equal(email.recipients[1]?.failure, null)
    assert.deepEqual(email.recipients[2]?.opens, {
      ...{ total: 2, human: 1, firstAt: at(4).toISOString(), lastAt: null },
    })
    assert.equal(email.recipients[2]?.deliveredAt, at(3).toISOString())
    assert.deepEqual(email.deliveredTo, { delivered: 1, recipients: 3 })
  })

  it('count as queued or sent as far as events that name no recipient say, but not as delivered', async () => {
    await addEmail('em_1', [ada, bob])
    await db.emailRecipient.create({
      data: {
        ...{ provider: 'aisend', emailId: 'em_1', key: '', firstReceivedAt: at(1) },
        ...{ sentAt: at(1), deliveredAt: at(2) },
      },
    })
    const { recipients, deliveredTo } = await read('em_1')
    assert.deepEqual(
      recipients.map(({ delivery }) => delivery),
      ['sent', 'sent'],
    )
    assert.deepEqual(deliveredTo, { delivered: 0, recipients: 2 })
  })

  it('are the email itself where it has one', async () => {
    await addEmail('em_1', [ada], {
      ...{ status: 'clicked', delivery: 'delivered', deliveredAt: at(3), complainedAt: at(9) },
      ...{ opensTotal: 3, opensHuman: 2, clicksTotal: 1, clicksHuman: 1, clicksFirstAt: at(5), clicksLastAt: at(5) },
    })
    const email = await read('em_1')
    const { status, delivery, opens, clicks, deliveredAt, complainedAt } = email
    assert.deepEqual(email.recipients, [
      { address: ada, status, delivery, failure: null, opens, clicks, deliveredAt, complainedAt, suppressed: false },
    ])
    assert.equal(email.deliveredTo, null)
  })

  it('are none while none is known, and erased where one was erased', async () => {
    await addEmail('em_none', [])
    assert.deepEqual((await read('em_none')).recipients, [])
    await addEmail('em_erased', ['erased'])
    assert.deepEqual(
      (await read('em_erased')).recipients.map(({ address, suppressed }) => [address, suppressed]),
      [['erased', false]],
    )
  })

  describe('of an email that a version before 0.5 has saved', () => {
    it('are folded from its events, and its failures are judged when it is read', async () => {
      await addEmail('em_old', [ada, bob], {
        ...{ status: 'bounced', delivery: 'bounced', bounceClass: 'hard', bounceCode: '5.1.1', bouncedAt: at(2) },
        bounceEventId: 'evt_old',
      })
      await addEvent('em_old', 'aftersend.registered', { payload: 'not read' })
      await addEvent('em_old', 'delivered', { recipient: ada, to: [ada, bob] })
      await addEvent('em_old', 'bounced', {
        ...{ eventId: 'evt_old', recipient: bob, bounceClass: 'hard', bounceCode: '5.1.1' },
        bounceMessage: '550 5.1.1 <bob@example.com>: user unknown',
      })
      const email = await read('em_old')
      assert.deepEqual(
        email.recipients.map(({ address, status }) => [address, status]),
        [
          [ada, 'delivered'],
          [bob, 'bounced'],
        ],
      )
      const { reason, party, isFinal, evidence } = email.failure ?? {}
      assert.deepEqual([reason, party, isFinal], ['unknown_recipient', 'recipient', true])
      assert.ok(evidence && !evidence.includes('@'), evidence ?? 'no evidence')
      assert.deepEqual(email.recipients[1]?.failure, email.failure)
      assert.deepEqual(email.events.map((event) => event.failure?.reason).filter(Boolean), ['unknown_recipient'])
    })

    it('have its status if no event names one, and its failure is judged by the class and code alone if its event is gone', async () => {
      await addEmail('em_old', [ada, bob], {
        ...{ status: 'bounced', delivery: 'bounced', bounceClass: 'hard', bounceCode: '5.2.2', bouncedAt: at(2) },
        bounceEventId: 'evt_dropped',
      })
      const { recipients, failure } = await read('em_old')
      assert.deepEqual(
        recipients.map(({ status }) => status),
        ['bounced', 'bounced'],
      )
      assert.equal(failure?.reason, 'mailbox_full')
    })
  })

  it('are folded from events that are not applied yet', async () => {
    const pending = { appliedAt: null, to: [ada, bob] }
    await addEvent('em_new', 'sent', pending)
    await addEvent('em_new', 'delivered', { ...pending, recipient: bob, response: '250 2.0.0 OK' })
    await addEvent('em_new', 'bounced', { ...pending, recipient: ada, ...bounced })
    const email = await read('em_new')
    assert.deepEqual(
      email.recipients.map(({ address, status }) => [address, status]),
      [
        [ada, 'failed'],
        [bob, 'delivered'],
      ],
    )
    assert.equal(email.status, 'failed')
    assert.deepEqual(email.failure, failure)
    assert.deepEqual(
      email.events.map(({ recipient, response }) => [recipient, response]),
      [
        [null, undefined],
        [bob, '250 2.0.0 OK'],
        [ada, undefined],
      ],
    )
  })

  it('keep the stored reason of a failure whose event was deleted', async () => {
    await addEmail('em_1', [ada], { status: 'failed', delivery: 'failed', ...worst('evt_dropped') })
    const { failure: kept } = await read('em_1')
    assert.deepEqual(kept, { ...failure, isFinal: null, evidence: null, rule: null })
  })

  describe('in a list', () => {
    const list = async (query: string): Promise<Email[]> => {
      const response = await served.call('GET', `/v1/emails?${query}`)
      assert.equal(response.status, 200)
      return ((await response.json()) as { data: Email[] }).data
    }
    const ids = async (query: string) => (await list(query)).map(({ id }) => id)

    it('are the same as of the email alone', async () => {
      await addEmail('em_1', [ada, bob])
      await setRecipient('em_1', bob, { deliveredAt: at(3) })
      await addEmail('em_2', [cyd])
      await addManualSuppression(db, 'default', cyd)
      assert.deepEqual(await list(''), [await read('em_2'), await read('em_1')])
    })

    it('find the emails to an address, also one that only an event names', async () => {
      await addEmail('em_1', [ada, bob])
      await addEmail('em_2', [bob])
      await addEmail('em_3', [cyd])
      await db.emailRecipient.create({ data: { provider: 'aisend', emailId: 'em_3', key: 'blind copy', address: ada } })
      assert.deepEqual(await ids(`recipient=${ada}`), ['em_3', 'em_1'])
      assert.deepEqual(await ids(`recipient=${bob.toUpperCase()}&limit=1`), ['em_2'])
    })

    it('find emails by the reason and the party of their failure', async () => {
      await addEmail('em_1', [ada], worst('evt_1'))
      await addEmail('em_2', [bob], { ...worst('evt_2'), failureReason: 'spam_content' })
      await addEmail('em_3', [cyd])
      assert.deepEqual(await ids('reason=authentication'), ['em_1'])
      assert.deepEqual(await ids('party=sender'), ['em_2', 'em_1'])
      assert.deepEqual(await ids('party=sender&reason=spam_content&recipient=bob@example.com'), ['em_2'])
      assert.equal((await served.call('GET', '/v1/emails?reason=bad_luck')).status, 400)
    })
  })
})
