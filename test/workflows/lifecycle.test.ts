import assert from 'node:assert/strict'
import { searchAttributes, status } from '../../src/workflows/messages.ts'
import { until } from '../until.ts'
import { Living, stallAfter } from './living.ts'

describe('the life of an email', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  it('goes from registered to delivered, and every fact is in its row', async () => {
    const email = living.email()
    await email.register('bulk')
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.hear(email.event(type))
    const row = await email.row()
    assert.equal(row.status, 'delivered')
    assert.equal(row.priority, 'bulk')
    assert.deepEqual(row.to, ['ada@example.com'])
    for (const fact of ['registeredAt', 'queuedAt', 'sendingAt', 'sentAt', 'deliveredAt'] as const)
      assert.ok(row[fact], fact)
  })

  it('makes the email itself when events come without a registration', async () => {
    const email = living.email()
    await email.hear(email.event('delivered', { subject: 'Hello' }), email.event('sent'))
    const row = await email.row()
    assert.deepEqual([row.status, row.subject, row.recipientDomain], ['delivered', 'Hello', 'example.com'])
    assert.equal(row.registeredAt, null)
  })

  it('shows people where it stands: query, search attributes, current details', async () => {
    const email = living.email()
    await email.register('critical')
    await email.hear(email.event('delivered'), email.event('opened', { human: true }))
    const standing = await email.handle().query(status)
    assert.deepEqual([standing.status, standing.delivery, standing.opens], ['opened', 'delivered', 1])
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

  it('writes the steps of an email that is delivered within moments to no search attribute', async () => {
    const email = living.email({ transitShownAfterMs: 3_600_000 })
    for (const type of ['queued', 'sent', 'delivered'] as const) await email.hear(email.event(type))
    await until(async () => (await upsertsOf(email)).length > 0)
    assert.deepEqual(await upsertsOf(email), ['delivered'])
  })

  it('writes them once it rests on its way, and is watched for a stall after that', async () => {
    const email = living.email({ transitShownAfterMs: 700, ...stallAfter(1_500) })
    for (const type of ['queued', 'sent'] as const) await email.hear(email.event(type))
    await until(async () => (await upsertsOf(email)).length > 0)
    assert.deepEqual(await upsertsOf(email), ['sent'])
    await email.escalated('stalled', 'open')
  })

  /** The statuses that were written to search attributes after the start. */
  async function upsertsOf(email: ReturnType<Living['email']>): Promise<string[]> {
    const { events } = await email.handle().fetchHistory()
    return (events ?? []).flatMap(({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
      const status = upsert?.searchAttributes?.indexedFields?.['EmailStatus']?.data
      return status ? [JSON.parse(Buffer.from(status).toString())] : []
    })
  }

  it('closes when the engagement window is over', async () => {
    const email = living.email({ engagementWindowMs: 300 })
    await email.hear(email.event('sent'), email.event('delivered'))
    assert.equal(await email.handle().result(), 'delivered')
  })

  it('goes on from what is stored when an event comes after it has closed', async () => {
    const email = living.email({ engagementWindowMs: 200 })
    await email.register()
    await email.hear(email.event('delivered'), email.event('opened', { human: true }))
    await email.closed()
    await email.hear(email.event('opened', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.status, row.opensTotal], ['opened', 2])
    assert.ok(row.deliveredAt, 'what the first run knew is still known')
    await email.closed()
  })

  it('counts no event twice, though it is signalled again in the same run and in a later one', async () => {
    const email = living.email({ engagementWindowMs: 200 })
    const open = email.event('opened', { human: true })
    const repeat = {
      id: open.id,
      type: 'opened' as const,
      human: true,
      occurredAt: open.occurredAt,
      receivedAt: open.receivedAt,
    }
    await email.hear(email.event('delivered'), open)
    await email.lives.signal(email, [repeat, repeat], null)
    await email.closed()
    await email.lives.signal(email, [repeat], null)
    await email.closed()
    await email.hear(email.event('clicked', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.opensTotal, row.clicksTotal, row.status], [1, 1, 'clicked'])
  })

  it('lets nothing that names a person into the history', async () => {
    const email = living.email()
    await email.register('critical')
    await email.hear(email.event('sent', { subject: 'A secret' }), email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 1)
    const plain = textsIn(await email.handle().fetchHistory()).join('\n')
    assert.ok(plain.includes(email.emailId), 'the history was read')
    for (const secret of ['ada@example.com', 'A secret', 'no such user']) {
      assert.ok(!plain.includes(secret), `${secret} is in the history`)
    }
  })
})

/** Everything legible in a history: its texts, and its payloads decoded. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()]
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(textsIn) : []
}
