import assert from 'node:assert/strict'
import type { z } from 'zod'
import { person } from '../../src/api/person-answers.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { addManualSuppression, removeSuppression } from '../../src/db/suppressions.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

const [ada, grace] = ['ada@example.com', 'grace@example.com']
const [hour, day] = [3_600_000, 86_400_000]

describe('POST /v1/recipients/lookup', () => {
  const { db } = useDatabase('emails, email_recipients, events, suppressions')
  const served = useApi(() => ({ db }))
  const now = Date.now()
  const ago = (ms: number) => new Date(now - ms)

  const email = (id: string, parts: object = {}) =>
    db.email.create({
      data: { id, provider: 'aisend', to: [ada], recipients: [ada], firstReceivedAt: ago(0), ...parts },
    })
  /** What the workflow stores of one recipient. */
  const facts = (emailId: string, address: string, data: object) =>
    db.emailRecipient.updateMany({ where: { emailId, address }, data: { firstReceivedAt: ago(0), ...data } })
  const full = { class: 'soft', code: '4.2.2', message: '452 4.2.2 mailbox full for ada@example.com' } as const
  const bounced = (eventId: string, ms: number) => ({
    status: 'failed',
    delivery: 'failed',
    bounceClass: 'soft',
    bounceCode: '4.2.2',
    bouncedAt: ago(ms),
    bounceEventId: eventId,
    failureReason: 'mailbox_full',
    failureParty: 'recipient',
    failureOutcome: 'failed',
  })
  const judged = (eventId: string) =>
    db.event.updateMany({
      where: { eventId },
      data: {
        failureReason: 'mailbox_full',
        failureParty: 'recipient',
        failureIsFinal: false,
        failureOutcome: 'failed',
        failureRule: 'mailbox-full.text',
        failureEvidence: '452 4.2.2 mailbox full',
      },
    })
  const lookUp = async (address: string, more: object = {}): Promise<z.infer<typeof person>> => {
    const response = await served.call('POST', '/v1/recipients/lookup', { address, ...more })
    assert.equal(response.status, 200)
    return person.parse(await response.json())
  }

  it('answers with the emails over all providers, newest first, with what became of each for this person', async () => {
    await email('em_1', { provider: 'resend', createdAt: ago(2 * day), status: 'delivered', delivery: 'delivered' })
    await store(db, { id: 'evt_2', emailId: 'em_2', type: 'bounced', recipient: ada, bounce: full })
    await judged('evt_2')
    const failed = bounced('evt_2', day)
    await email('em_2', { createdAt: ago(day), subject: 'Your invoice', tags: ['billing'], ...failed })
    await facts('em_2', ada, failed)
    const { emails, emailCount, ...known } = await lookUp('"Ada" <ADA@example.com>')
    assert.deepEqual(
      emails.data.map(({ provider, id, status }) => [provider, id, status]),
      [
        ['aisend', 'em_2', 'failed'],
        ['resend', 'em_1', 'delivered'],
      ],
    )
    const [newest] = emails.data
    assert.deepEqual(newest?.failure, {
      reason: 'mailbox_full',
      party: 'recipient',
      isFinal: false,
      code: '4.2.2',
      evidence: '452 4.2.2 mailbox full',
      rule: 'mailbox-full.text',
      at: ago(day).toISOString(),
    })
    assert.deepEqual([newest.subject, newest.tags, newest.isOfWholeEmail], ['Your invoice', ['billing'], false])
    assert.deepEqual([emailCount, known.address, known.suppressed, known.last?.what], [2, ada, false, 'failed'])
    assert.equal(known.last?.failure?.reason, 'mailbox_full')
    assert.deepEqual(known.nextStep, {
      actor: 'recipient',
      sentence:
        'Their mailbox is full since 1 day (1 of 2 emails); nothing to fix on your side: ask them to make room, and then send it again.',
    })
  })

  it('distinguishes the recipients of one email', async () => {
    const failed = bounced('evt_1', hour)
    await email('em_1', { to: [ada, grace], recipients: [ada, grace], ...failed })
    await facts('em_1', ada, failed)
    const opened = { opensTotal: 2, opensHuman: 1, opensFirstAt: ago(hour), opensLastAt: ago(hour) }
    await facts('em_1', grace, { status: 'opened', delivery: 'delivered', deliveredAt: ago(2 * hour), ...opened })
    const [ofAda, ofGrace] = [await lookUp(ada), await lookUp(grace)]
    assert.deepEqual(
      [ofAda, ofGrace].map(({ emails: { data } }) => [data[0]?.status, data[0]?.opens.human, data[0]?.failure?.reason]),
      [
        ['failed', 0, 'mailbox_full'],
        ['opened', 1, undefined],
      ],
    )
    assert.equal(
      ofGrace.nextStep.sentence,
      'Their latest email arrived 2 hours ago and was opened 1 hour ago; nothing to fix.',
    )
    assert.equal(ofGrace.last?.what, 'opened')
  })

  it('judges the bounce of an email from before 0.5, and says if it is known of the whole email only', async () => {
    const bounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user here' } as const
    await store(db, { id: 'evt_1', emailId: 'em_1', type: 'bounced', recipient: ada, bounce })
    await db.event.updateMany({ data: { failureReason: null, failureParty: null, failureOutcome: null } })
    const old = {
      status: 'bounced',
      delivery: 'bounced',
      bounceClass: 'hard',
      bounceCode: '5.1.1',
      bouncedAt: ago(hour),
      bounceEventId: 'evt_1',
    }
    await email('em_1', { createdAt: ago(hour), ...old })
    await email('em_2', { createdAt: ago(day), to: [ada, grace], recipients: [ada, grace], status: 'opened' })
    const { emails, nextStep } = await lookUp(ada)
    assert.deepEqual(
      emails.data.map(({ status, isOfWholeEmail, failure }) => [status, isOfWholeEmail, failure?.reason ?? null]),
      [
        ['bounced', false, 'unknown_recipient'],
        ['opened', true, null],
      ],
    )
    assert.match(nextStep.sentence, /this address does not exist \(1 of 2 emails\); /)
  })

  it('says by which event and which judgement the address is suppressed, and what was removed before', async () => {
    await store(db, { id: 'evt_1', type: 'bounced', recipient: ada, bounce: full })
    await judged('evt_1')
    await addManualSuppression(db, 'default', ada, { by: 'grace', note: 'asked by phone' })
    await removeSuppression(db, 'default', ada, { by: 'linus', note: 'asked again' })
    await db.suppression.create({
      data: { address: ada, reason: 'repeated_soft_bounces', provider: 'aisend', emailId: 'em_1', eventId: 'evt_1' },
    })
    const { suppressed, suppression, formerSuppressions, nextStep } = await lookUp(ada)
    assert.equal(suppressed, true)
    assert.deepEqual([suppression?.eventId, suppression?.failure?.evidence], ['evt_1', '452 4.2.2 mailbox full'])
    assert.deepEqual(
      formerSuppressions.map(({ reason, addedBy, note, removedBy, removalNote }) => [
        reason,
        addedBy,
        note,
        removedBy,
        removalNote,
      ]),
      [['manual', 'grace', 'asked by phone', 'linus', 'asked again']],
    )
    assert.match(
      nextStep.sentence,
      /^Their mailbox is full (since .+|as of now); .+ and then take them off the suppression list\.$/,
    )
  })

  it('has the last subscription event of each list', async () => {
    await store(
      db,
      { id: 'evt_1', type: 'unsubscribed', occurredAt: now - day, list: 'news' },
      { id: 'evt_2', type: 'resubscribed', occurredAt: now - hour, list: 'news' },
      { id: 'evt_3', type: 'unsubscribed', occurredAt: now - 2 * hour, list: 'offers' },
    )
    await db.event.updateMany({ where: { eventId: { in: ['evt_1', 'evt_2'] } }, data: { list: 'news' } })
    await db.event.updateMany({ where: { eventId: 'evt_3' }, data: { list: 'offers' } })
    const { subscriptions, nextStep, last } = await lookUp(ada)
    assert.deepEqual(
      subscriptions.map(({ list, state }) => [list, state]),
      [
        ['news', 'resubscribed'],
        ['offers', 'unsubscribed'],
      ],
    )
    assert.match(nextStep.sentence, /unsubscribed from “offers” 2 hours ago/)
    assert.equal(last?.what, 'resubscribed')
  })

  it('splits many emails into pages, each on one of them, with the same next step', async () => {
    for (let n = 0; n < 7; n += 1) await email(`em_${n}`, { createdAt: ago(Math.floor(n / 2) * hour) })
    const [ids, sentences] = [[] as string[], new Set<string>()]
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await lookUp(ada, { limit: 3, ...(cursor && { cursor }) })
      ids.push(...page.emails.data.map(({ id }) => id))
      sentences.add(page.nextStep.sentence)
      cursor = page.emails.nextCursor
    }
    assert.deepEqual(ids, ['em_1', 'em_0', 'em_3', 'em_2', 'em_5', 'em_4', 'em_6'])
    assert.equal(sentences.size, 1)
  })

  it('finds of an erased person the suppression under the keyed hash, and nothing else', async () => {
    await email('em_1', { status: 'opened' })
    await store(db, { id: 'evt_1' }, { id: 'evt_2', type: 'unsubscribed' })
    await db.event.updateMany({ data: { appliedAt: ago(0) } })
    await addManualSuppression(db, 'default', ada, { by: 'grace', note: 'asked by phone' })
    await eraseRecipient(db, ada, 500)
    const { emails, emailCount, subscriptions, suppression, erased, nextStep } = await lookUp(ada)
    assert.deepEqual([emails.data, emailCount, subscriptions, erased], [[], 0, [], true])
    assert.deepEqual([suppression?.erased, suppression?.note], [true, null])
    assert.match(nextStep.sentence, /^Their data was erased, and only the suppression is kept/)
  })

  it('answers for an address that is not known, and refuses what is none; no log has an address', async () => {
    const unknown = await lookUp('nobody@example.com')
    assert.deepEqual([unknown.last, unknown.suppression, unknown.emails.data], [null, null, []])
    assert.match(unknown.nextStep.sentence, /^No email to this address is known/)
    for (const body of [{ address: 'nobody' }, {}, { address: ada, cursor: '!' }, { address: ada, limit: 0 }]) {
      const response = await served.call('POST', '/v1/recipients/lookup', body)
      assert.equal((await problemIn(response)).status, 400)
    }
    assert.ok(served.logged.length > 0)
    assert.doesNotMatch(served.logged.join(), /ada@|nobody/)
  })
})
