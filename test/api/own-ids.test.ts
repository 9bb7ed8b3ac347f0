import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { insertEvents } from '../../src/db/events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { sendgrid } from '../../src/providers/sendgrid/webhook.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { EmailWorkflowsInMemory, problemIn, quietMetrics, useApi } from './served.ts'

interface EmailAnswer {
  id: string
  externalId: string | null
  metadata: Record<string, string>
}

describe('own IDs at /v1/emails', () => {
  const { db } = useDatabase('emails, events, escalations')
  let inbox: RunningInbox
  beforeEach(() => {
    const emailWorkflows = new EmailWorkflowsInMemory()
    const options = { metrics: quietMetrics(), log: quietLog, relay: { pollEveryMs: 3_600_000 } }
    inbox = createInbox({ db, emailWorkflows, ...options })
  })
  const webhooks = new Map([
    ['aisend', { provider: aisend, secrets: ['x'] }],
    ['sendgrid', { provider: sendgrid, secrets: ['x'] }],
  ])
  const served = useApi(() => ({ db, inbox, webhooks }))
  afterEach(() => inbox.close())

  const register = (id: string, more: object = {}) =>
    served.call('POST', '/v1/emails', { id, to: 'ada@example.com', ...more })
  const read = async (response: Response | Promise<Response>) => (await (await response).json()) as EmailAnswer
  const list = async (query: string): Promise<string[]> => {
    const response = await served.call('GET', `/v1/emails?${query}`)
    assert.equal(response.status, 200, query)
    return ((await response.json()) as { data: EmailAnswer[] }).data.map(({ id }) => id)
  }

  it('are registered, answered, merged by another registration, and found', async () => {
    const own = { externalId: 'order-4711', metadata: { order: '4711', plan: 'free' } }
    const registered = await register('em_1', own)
    assert.equal(registered.status, 201)
    const first = await read(registered)
    assert.deepEqual([first.externalId, first.metadata], [own.externalId, own.metadata])
    const again = await register('em_1', { externalId: 'order-4711', metadata: { plan: 'paid' } })
    assert.equal(again.status, 200)
    assert.deepEqual((await read(again)).metadata, { order: '4711', plan: 'paid' })
    await register('em_2', { metadata: { order: '4711' } })
    assert.deepEqual(await list('externalId=order-4711'), ['em_1'])
    assert.deepEqual((await list('metadata[order]=4711')).sort(), ['em_1', 'em_2'])
    assert.deepEqual(await list('metadata%5Border%5D=4711&metadata[plan]=paid'), ['em_1'])
    assert.deepEqual(await list('metadata[order]=4711&provider=sendgrid'), [])
    assert.deepEqual(await list('metadata[order]=47'), [])
    const none = await read(served.call('GET', '/v1/emails/em_2'))
    assert.deepEqual([none.externalId, none.metadata], [null, { order: '4711' }])
  })

  it('of another email are refused with 409, which names that email, and nothing is stored', async () => {
    await register('em_1', { externalId: 'order-4711' })
    const response = await register('em_2', { externalId: 'order-4711' })
    assert.equal(response.status, 409)
    const problem = await problemIn(response)
    assert.deepEqual(problem.errors, [{ path: 'externalId', message: 'belongs to the email em_1 of aisend' }])
    assert.equal(response.headers.get('location'), '/v1/emails/em_1')
    assert.equal((await served.call('GET', '/v1/emails/em_2')).status, 404)
  })

  it('beyond their limits are refused, with the path', async () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v']))
    const invalid: [object, string][] = [
      [{ externalId: '' }, 'externalId'],
      [{ externalId: 'x'.repeat(256) }, 'externalId'],
      [{ metadata: many }, 'metadata'],
      [{ metadata: { ['k'.repeat(41)]: 'v' } }, `metadata.${'k'.repeat(41)}`],
      [{ metadata: { order: 'x'.repeat(501) } }, 'metadata.order'],
      [{ metadata: { order: 4711 } }, 'metadata.order'],
      [{ metadata: ['order'] }, 'metadata'],
    ]
    for (const [own, path] of invalid) {
      const { status, errors } = await problemIn(await register('em_1', own))
      assert.deepEqual([status, errors?.[0]?.path], [400, path])
    }
    for (const query of ['metadata=order', 'metadata[order]=1&metadata[order]=2', 'externalId=']) {
      assert.equal((await served.call('GET', `/v1/emails?${query}`)).status, 400, query)
    }
  })

  it('that only events carry find an email that nobody has registered, also before they are applied', async () => {
    const at = Date.now()
    const [event] = sendgrid.parse(Buffer.from(JSON.stringify([processed])), at, {})
    assert.ok(event)
    await insertEvents(db, [event])
    const pending = await read(served.call('GET', '/v1/emails/14c.1'))
    assert.deepEqual([pending.externalId, pending.metadata['order']], ['order-1', '4711'])
    await applyTo(db, event)
    assert.deepEqual(await list('externalId=order-1'), ['14c.1'])
    assert.deepEqual(await list('metadata[order]=4711'), ['14c.1'])
  })

  const messageId = 'x.1@app.example.com'
  const processed = {
    ...{ event: 'processed', email: 'ada@example.com', timestamp: Math.floor(Date.now() / 1_000) },
    ...{ sg_message_id: '14c.1.filter-1', 'smtp-id': `<${messageId}>`, order: '4711', external_id: 'order-1' },
  }
  const applyTo = async (
    database: Database,
    { id, provider, emailId, occurredAt, receivedAt }: Parameters<typeof insertEvents>[1][number],
  ) => {
    const snapshot = foldEvents(emptySnapshot, [{ id, type: 'sending', occurredAt, receivedAt }])
    assert.ok(await saveSnapshot(database, { provider, emailId, snapshot, expectedRevision: 0, eventIds: [id] }))
  }

  it('the Message-ID of an SMTP sender finds the email once an event has named it, and registers no second one', async () => {
    const registerAs = (id: string) => register(id, { provider: 'sendgrid', priority: 'critical' })
    assert.equal((await registerAs(messageId)).status, 422)
    const [event] = sendgrid.parse(Buffer.from(JSON.stringify([processed])), Date.now(), {})
    assert.ok(event)
    await insertEvents(db, [event])
    await applyTo(db, event)
    for (const named of [messageId, `<${messageId}>`]) {
      assert.equal((await read(served.call('GET', `/v1/emails/${encodeURIComponent(named)}`))).id, '14c.1')
      assert.equal((await read(registerAs(named))).id, '14c.1')
    }
    assert.equal(await db.email.count(), 1)
  })
})
