import assert from 'node:assert/strict'
import { addTestDelivery, readDelivery, replayDeliveries } from '../../src/db/deliveries.ts'
import { deleteEndpoint, pauseEndpoint, resumeEndpoint } from '../../src/db/endpoints.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { writeEscalation } from '../../src/db/escalations.ts'
import { insertEvents } from '../../src/db/events.ts'
import { deleteOldDeliveries } from '../../src/db/retention.ts'
import { applyEngagements } from '../../src/db/settled-engagements.ts'
import { addManualSuppression, importSuppressions, removeSuppression } from '../../src/db/suppressions.ts'
import { commandEscalation, openEscalation, resolveEscalation } from '../../src/domain/escalation.ts'
import { payloadOf } from '../../src/endpoints/payload.ts'
import { applyEvents, dueOf, endpointWith, outboxTables, typesFor } from '../endpoints/outbox-rig.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const hard = { class: 'hard' as const, code: '5.1.1', message: '550 5.1.1 no such user' }
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 1, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}

describe('the outbox of webhooks to applications', () => {
  const { db } = useDatabase(outboxTables)

  it('has no row without an endpoint, and none of an event that no type stands for', async () => {
    await applyEvents(db, email, { type: 'sent' })
    const endpoint = await endpointWith(db)
    await applyEvents(db, email, { type: 'something' }, { type: 'delivered' })
    assert.deepEqual(await typesFor(db, endpoint), ['email.delivered'])
  })

  it('has a row for each applied event, with the state after it and without address or subject', async () => {
    const endpoint = await endpointWith(db)
    await applyEvents(db, email, { type: 'queued', occurredAt: 1, subject: 'For Ada' })
    await applyEvents(db, email, { type: 'sent', occurredAt: 3 }, { type: 'sending', occurredAt: 2 })
    await applyEvents(db, email, { type: 'bounced', bounce: hard })
    assert.deepEqual(await typesFor(db, endpoint), ['email.queued', 'email.sending', 'email.sent', 'email.bounced'])
    const rows = await db.delivery.findMany({ orderBy: { id: 'asc' } })
    const states = rows.map(({ emailState }) => (emailState as { status: string }).status)
    assert.deepEqual(states, ['queued', 'sent', 'sent', 'bounced'])
    assert.doesNotMatch(
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      /@|Ada/,
    )
  })

  it('names a failure by its outcome, not by the provider’s class', async () => {
    const endpoint = await endpointWith(db)
    const soft = { class: 'soft' as const, code: '4.2.2', message: 'mailbox full' }
    const refused = { class: 'hard' as const, code: '5.7.1', message: '550 5.7.1 message refused as spam' }
    await applyEvents(db, email, { type: 'bounced', bounce: soft })
    await applyEvents(db, email, { type: 'bounced', bounce: refused })
    assert.deepEqual(await typesFor(db, endpoint), ['email.deferred', 'email.failed'])
  })

  it('is written by the statement that applies opens and clicks of settled emails', async () => {
    await applyEvents(db, email, { type: 'delivered' })
    const endpoint = await endpointWith(db)
    const opened = receivedEvent({ ...email, id: 'evt_open', type: 'opened', human: true })
    await insertEvents(db, [opened], () => false)
    await applyEngagements(db, [{ provider: 'aisend', id: opened.id, receivedAt: opened.receivedAt }])
    const [due] = await dueOf(db, endpoint)
    assert.ok(due)
    const payload = payloadOf(due)
    assert.ok(payload.type === 'email.opened')
    assert.deepEqual([payload.data.email.opens.human, payload.data.event.human], [1, true])
  })

  it('follows the states of escalations, and says that an email is stalled', async () => {
    const endpoint = await endpointWith(db)
    await applyEvents(db, email, { type: 'sent' })
    const opened = { ...openEscalation('stalled', 'No sign of delivery.', Date.now(), policy), version: 0 }
    const { version } = await writeEscalation(db, email, opened)
    const acknowledged = commandEscalation({ ...opened, version }, { do: 'acknowledge', by: 'ada' }, Date.now())
    const { version: second } = await writeEscalation(db, email, acknowledged)
    // A write that changes no state is none.
    const { version: third } = await writeEscalation(db, email, { ...acknowledged, notices: 2, version: second })
    await writeEscalation(db, email, resolveEscalation({ ...acknowledged, version: third }, 'ada', Date.now()))
    const sent = ['email.stalled', 'escalation.opened', 'escalation.acknowledged', 'escalation.resolved']
    assert.deepEqual(await typesFor(db, endpoint), ['email.sent', ...sent])
    const last = await db.delivery.findFirstOrThrow({ orderBy: { id: 'desc' } })
    const payload = payloadOf(await readDelivery(db, endpoint, String(last.id)).then((found) => found ?? assert.fail()))
    assert.ok(payload.type === 'escalation.resolved')
    assert.deepEqual([payload.data.escalation.state, payload.data.email?.status], ['resolved', 'sent'])
  })

  it('follows the suppression list, whoever changes it: by hand, by import, for an event', async () => {
    const endpoint = await endpointWith(db)
    const other = await endpointWith(db, { project: 'shop' })
    await addManualSuppression(db, 'default', 'ada@example.com')
    await addManualSuppression(db, 'default', 'ada@example.com')
    await removeSuppression(db, 'default', 'ada@example.com')
    await importSuppressions(db, 'default', [{ address: 'grace@example.com', reason: 'manual' }])
    const types = ['recipient.suppressed', 'recipient.unsuppressed', 'recipient.suppressed']
    assert.deepEqual(await typesFor(db, endpoint), types)
    assert.deepEqual(await typesFor(db, other), [])
    const due = await dueOf(db, endpoint)
    // The removal waits for the addition of the same recipient.
    const addresses = due.map((delivery) => {
      const payload = payloadOf(delivery)
      return payload.type === 'recipient.suppressed' ? payload.data.suppression.address : payload.type
    })
    assert.deepEqual(addresses, ['ada@example.com', 'grace@example.com'])
  })

  it('has rows for the endpoints alone whose project, types and filters fit', async () => {
    const ids = await Promise.all([
      endpointWith(db, { eventTypes: ['email.delivered'] }),
      endpointWith(db, { eventTypes: ['email.bounced'] }),
      endpointWith(db, { filters: { providers: ['aisend'], tags: ['receipt', 'welcome'] } }),
      endpointWith(db, { filters: { providers: ['resend'] } }),
      endpointWith(db, { filters: { tags: ['newsletter'] } }),
      endpointWith(db, { filters: { priorities: ['critical', 'normal'] } }),
      endpointWith(db, { filters: { priorities: ['bulk'] } }),
      endpointWith(db, { project: 'shop' }),
    ])
    const deleted = await endpointWith(db)
    await deleteEndpoint(db, deleted)
    await applyEvents(db, email, { type: 'delivered', tags: ['receipt'] })
    await applyEvents(db, { provider: 'shop:aisend', emailId: 'em_9' }, { type: 'delivered' })
    const counts = await Promise.all([...ids, deleted].map(async (id) => (await typesFor(db, id)).length))
    assert.deepEqual(counts, [1, 0, 1, 0, 0, 1, 0, 1, 0])
  })

  it('is read in order, one of each email: the next waits until the first is over', async () => {
    const endpoint = await endpointWith(db)
    const second = { provider: 'aisend', emailId: 'em_2' }
    await applyEvents(db, email, { type: 'sent' })
    await applyEvents(db, second, { type: 'sent' })
    await applyEvents(db, email, { type: 'delivered' })
    const [first, ...others] = await dueOf(db, endpoint)
    assert.deepEqual([first?.emailId, ...others.map(({ emailId }) => emailId)], ['em_1', 'em_2'])
    await db.$executeRaw`UPDATE deliveries SET state = 'failed' WHERE id = ${first?.id}::bigint`
    assert.deepEqual(
      (await dueOf(db, endpoint)).map(({ emailId, type }) => `${emailId} ${type}`),
      ['em_2 email.sent', 'em_1 email.delivered'],
    )
  })

  it('sends again with the same webhook-id: one, or those since a time', async () => {
    const endpoint = await endpointWith(db)
    await applyEvents(db, email, { type: 'sent' })
    await applyEvents(db, email, { type: 'delivered' })
    const rows = await db.delivery.findMany({ orderBy: { id: 'asc' } })
    const ids = rows.map(({ id }) => String(id))
    assert.equal(await replayDeliveries(db, endpoint, { ids }, 10), 0, 'what waits is not sent twice')
    await db.$executeRaw`UPDATE deliveries SET state = 'delivered'`
    assert.equal(await replayDeliveries(db, endpoint, { ids: ids.slice(0, 1) }, 10), 1)
    await db.$executeRaw`UPDATE deliveries SET state = 'delivered'`
    assert.equal(await replayDeliveries(db, endpoint, { since: Date.now() + 60_000 }, 10), 0)
    assert.equal(await replayDeliveries(db, endpoint, { since: Date.now() - 60_000 }, 10), 2)
    const again = await db.delivery.findMany({ where: { state: 'pending' }, orderBy: { id: 'asc' } })
    assert.deepEqual(
      again.map(({ messageId }) => messageId),
      rows.map(({ messageId }) => messageId),
    )
  })

  it('keeps what a paused endpoint misses, and sends it in order, or skips it', async () => {
    const endpoint = await endpointWith(db)
    assert.ok(await pauseEndpoint(db, endpoint, { reason: 'person', by: 'ada' }))
    assert.ok(!(await pauseEndpoint(db, endpoint, { reason: 'failing' })), 'the first reason stays')
    await applyEvents(db, email, { type: 'sent' })
    await db.$executeRaw`UPDATE deliveries SET attempts = 4, next_attempt_at = now() + interval '1 day'`
    assert.ok(await resumeEndpoint(db, endpoint))
    assert.deepEqual(
      (await dueOf(db, endpoint)).map(({ attempts }) => attempts),
      [0],
    )
    await pauseEndpoint(db, endpoint, { reason: 'person', by: 'ada' })
    assert.ok(await resumeEndpoint(db, endpoint, { skip: true }))
    assert.ok(!(await resumeEndpoint(db, endpoint)))
    assert.deepEqual(await dueOf(db, endpoint), [])
  })

  it('has no address of a person who was erased since', async () => {
    const endpoint = await endpointWith(db)
    const bounce = { ...hard, message: '550 no mailbox ada@example.com' }
    await applyEvents(db, email, { type: 'bounced', bounce, subject: 'For Ada' })
    await addManualSuppression(db, 'default', 'ada@example.com')
    const before = (await dueOf(db, endpoint)).map((due) => JSON.stringify(payloadOf(due)))
    assert.ok(before.every((body) => body.includes('ada@example.com')))
    while (!(await eraseRecipient(db, 'ada@example.com', 100)).isComplete);
    const after = (await dueOf(db, endpoint)).map((due) => JSON.stringify(payloadOf(due)))
    assert.equal(after.length, 2)
    assert.ok(
      after.every((body) => !/ada@|For Ada/.test(body)),
      after.join(),
    )
  })

  it('is deleted when it is old, with its attempts; what waits, with the events', async () => {
    const endpoint = await endpointWith(db)
    const { id } = await addTestDelivery(db, endpoint)
    await addTestDelivery(db, endpoint)
    await db.$executeRaw`UPDATE deliveries SET created_at = now() - interval '40 days'`
    await db.$executeRaw`UPDATE deliveries SET state = 'delivered' WHERE id = ${id}::bigint`
    await db.$executeRaw`INSERT INTO delivery_attempts (delivery_id, endpoint_id, at, duration_ms) VALUES (${id}::bigint, ${endpoint}, now(), 1)`
    const [now, day] = [Date.now(), 86_400_000]
    assert.equal(await deleteOldDeliveries(db, { before: now - 30 * day, pendingBefore: null }, 100), 1)
    assert.equal(await db.deliveryAttempt.count(), 0)
    assert.equal(await deleteOldDeliveries(db, { before: now - 30 * day, pendingBefore: now - 39 * day }, 100), 1)
  })
})
