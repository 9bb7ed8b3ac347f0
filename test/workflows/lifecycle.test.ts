import assert from 'node:assert/strict'
import { billableActionsIn } from '../../bench/billable-actions.ts'
import { searchAttributes, status } from '../../src/workflows/messages.ts'
import { until } from '../until.ts'
import { EmailRig, stallAfter } from './email-rig.ts'

describe('the lifecycle of an email', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  it('goes from registered to delivered, and every fact is in its row', async () => {
    const email = rig.email()
    await email.register('bulk')
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.apply(email.event(type))
    const row = await email.row()
    assert.equal(row.status, 'delivered')
    assert.equal(row.priority, 'bulk')
    assert.deepEqual(row.to, ['ada@example.com'])
    for (const fact of ['registeredAt', 'queuedAt', 'sendingAt', 'sentAt', 'deliveredAt'] as const)
      assert.ok(row[fact], fact)
  })

  it('creates the email when its events come without a registration', async () => {
    const email = rig.email()
    await email.apply(email.event('delivered', { subject: 'Hello' }), email.event('sent'))
    const row = await email.row()
    assert.deepEqual([row.status, row.subject, row.recipientDomain], ['delivered', 'Hello', 'example.com'])
    assert.equal(row.registeredAt, null)
  })

  it('shows its state in a query, search attributes and current details', async () => {
    const email = rig.email()
    await email.register('critical')
    // The delivery after it: an open that finds it stored is applied in SQL.
    await email.apply(email.event('opened', { human: true }))
    await email.apply(email.event('delivered'))
    const answer = await email.handle().query(status)
    assert.deepEqual([answer.status, answer.delivery, answer.opens], ['opened', 'delivered', 1])
    const described = await email.handle().describe()
    const shown = (key: (typeof searchAttributes)[keyof typeof searchAttributes]) =>
      described.typedSearchAttributes.get(key)
    await until(
      async () => (await email.handle().describe()).typedSearchAttributes.get(searchAttributes.status) === 'opened',
    )
    assert.equal(shown(searchAttributes.priority), 'critical')
    assert.equal(shown(searchAttributes.recipientDomain), 'example.com')
    assert.equal(shown(searchAttributes.provider), 'aisend')
    const details = await email.handle().query<{ currentDetails?: string }>('__temporal_workflow_metadata')
    assert.match(details.currentDetails ?? '', /\*\*opened\*\*[\s\S]*delivered/)
  })

  it('costs six actions in two signals: one timer, one search attribute upsert, and it completes by that timer', async () => {
    // Half of the linger is enough for both signals on a busy machine. email-loop.test.ts has the other cases.
    const email = rig.email({ lingerAfterSettledMs: 5_000 })
    await email.apply(email.event('queued'), email.event('sending'))
    await email.apply(email.event('sent'), email.event('delivered'))
    await email.closed()
    assert.deepEqual(await upsertsOf(email), ['delivered'])
    assert.equal(await timersOf(email), 1)
    assert.equal(await actionsOf(email), 6)
  })

  it('shows an undelivered email’s status in search attributes, and escalates its stall after that', async () => {
    const email = rig.email({ lingerAfterSettledMs: 700, ...stallAfter(1_500) })
    for (const type of ['queued', 'sent'] as const) await email.apply(email.event(type))
    await until(async () => (await upsertsOf(email)).length > 0)
    assert.deepEqual(await upsertsOf(email), ['sent'])
    await email.escalated('stalled', 'open')
  })

  /** The statuses that were written to search attributes after the start. */
  async function upsertsOf(email: ReturnType<EmailRig['email']>): Promise<string[]> {
    const { events } = await email.handle().fetchHistory()
    return (events ?? []).flatMap(({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
      const status = upsert?.searchAttributes?.indexedFields?.['EmailStatus']?.data
      return status ? [JSON.parse(Buffer.from(status).toString())] : []
    })
  }

  const timersOf = async (email: ReturnType<EmailRig['email']>): Promise<number> =>
    (await email.handle().fetchHistory()).events?.filter((event) => event.timerStartedEventAttributes).length ?? 0

  /** The actions of the last run that Temporal Cloud bills. */
  const actionsOf = async (email: ReturnType<EmailRig['email']>): Promise<number> =>
    billableActionsIn((await email.handle().fetchHistory()).events ?? [])

  it('completes when delivery has settled, after a linger', async () => {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    await email.apply(email.event('sent'), email.event('delivered'))
    assert.equal(await email.handle().result(), 'delivered')
  })

  it('completes at once when a complaint comes long after delivery has settled', async () => {
    const email = rig.email({ lingerAfterSettledMs: 200 })
    await email.apply(email.event('sent'), email.event('delivered'))
    await email.closed()
    const late = rig.email({ lingerAfterSettledMs: 200 }, email.emailId)
    await late.apply(late.event('complained', { id: `${email.emailId}/complaint` }))
    await email.closed()
    assert.equal((await email.row()).status, 'complained')
    await until(async () => (await email.runs()).length === 2)
    assert.equal(await timersOf(email), 0, 'no timer was needed')
  })

  it('continues from the stored state when an event comes after it has closed', async () => {
    const email = rig.email({ lingerAfterSettledMs: 200 })
    await email.register()
    await email.apply(email.event('delivered'), email.event('opened', { human: true }))
    await email.closed()
    await email.apply(email.event('opened', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.status, row.opensTotal], ['opened', 2])
    assert.ok(row.deliveredAt, 'from the first run')
    await email.closed()
  })

  it('counts no event twice when it is signalled again, in the same run and in a later one', async () => {
    const email = rig.email({ lingerAfterSettledMs: 200 })
    const open = email.event('opened', { human: true })
    const repeat = {
      id: open.id,
      type: 'opened' as const,
      human: true,
      occurredAt: open.occurredAt,
      receivedAt: open.receivedAt,
    }
    await email.apply(email.event('delivered'), open)
    await email.signal(repeat, repeat)
    await email.closed()
    await email.signal(repeat)
    await email.closed()
    await email.apply(email.event('clicked', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.opensTotal, row.clicksTotal, row.status], [1, 1, 'clicked'])
  })

  it('records no personal data in the history', async () => {
    const email = rig.email()
    await email.register('critical', ['ada@example.com', 'bob@example.net'])
    await email.apply(email.event('sent', { subject: 'A secret' }), email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 1)
    const plain = textsIn(await email.handle().fetchHistory()).join('\n')
    assert.ok(plain.includes(email.emailId), 'the history was read')
    for (const secret of ['ada@example.com', 'bob@example.net', 'A secret', 'no such user']) {
      assert.ok(!plain.includes(secret), `${secret} is in the history`)
    }
  })
})

/** All texts of a history, with its payloads decoded. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()]
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : []
}
