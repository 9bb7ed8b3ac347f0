import assert from 'node:assert/strict'
import { createClient, type Endpoint, verifyWebhook } from '../../src/client/index.ts'
import { recordAttempts } from '../../src/db/deliveries.ts'
import { deleteAbandonedEndpoints } from '../../src/db/endpoint-pulls.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import { applyEvents } from '../endpoints/outbox-rig.ts'
import { mappedProviders } from '../providers/mapped-providers.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { apiKey, problemIn, useApi } from './served.ts'

describe('endpoints', () => {
  const { db } = useDatabase('endpoints, deliveries, delivery_attempts, emails, events')
  const changed: string[] = []
  let isReachable = true
  const endpointWorkflows = {
    ensureStarted: async () => false,
    changed: async (id: string) => {
      changed.push(id)
      if (!isReachable) throw new TemporalUnavailableError('Temporal does not answer')
    },
  }
  const served = useApi(() => ({ db, endpointWorkflows, mappedProviders }))
  const client = () => createClient({ url: served.url, apiKey, timeoutMs: 5_000 }).endpoints
  const url = 'https://app.example.com/webhooks'

  const deliver = (emailId: string) =>
    applyEvents(db, { provider: 'aisend', emailId }, { type: 'delivered', recipient: 'ada@example.com' })

  it('are created, changed, paused, resumed and deleted; their secret is shown once', async () => {
    const created = await client().create({ url, eventTypes: ['email.bounced'], filters: { tags: [] } })
    const { secret, ...shown } = created
    assert.match(secret, /^whsec_[\w+/]{43}=$/)
    assert.deepEqual(changed, [created.id])
    assert.deepEqual(await client().list(), [shown])
    assert.deepEqual([shown.filters, shown.state, shown.pending], [{}, 'active', 0])
    const filters = { priorities: ['critical'] } as const
    const updated = await client().update(created.id, { filters, description: 'The shop' })
    assert.deepEqual(updated, { ...shown, filters, description: 'The shop' })
    assert.deepEqual(await client().pause(created.id), { ...updated, state: 'paused', pausedReason: 'person' })
    assert.equal((await client().resume(created.id)).state, 'active')
    await client().delete(created.id)
    assert.equal(await client().get(created.id), null)
    assert.deepEqual(await client().list(), [])
    for (const id of [created.id, 'ep_none']) await assert.rejects(client().pause(id), { status: 404 })
    assert.ok(!served.logged.join().includes(secret))
  })

  it('are created without Temporal; a resumption is answered with 503 until it is announced', async () => {
    isReachable = false
    const { id } = await client().create({ url })
    await client().pause(id)
    const resume = () => served.call('POST', `/v1/endpoints/${id}/resume`, {})
    assert.equal((await resume()).status, 503)
    isReachable = true
    changed.length = 0
    assert.equal((await resume()).status, 200)
    assert.deepEqual(changed, [id])
  })

  it('are not created for URLs that lead inside, nor for what does not exist', async () => {
    const bodies = [
      { url: 'http://app.example.com' },
      { url: 'https://127.0.0.1/' },
      { url: 'https://[::1]/' },
      { url: 'https://ada:secret@app.example.com' },
      { url: 'app.example.com' },
      { url, eventTypes: ['email.eaten'] },
      { url, filters: { providers: ['pigeon'] } },
      { url, filters: { colour: 'red' } },
      { url, project: 'shop' },
      {},
    ]
    for (const body of bodies) {
      const { status } = await problemIn(await served.call('POST', '/v1/endpoints', body))
      assert.equal(status, 400, JSON.stringify(body))
    }
    const { id } = await client().create({ url })
    await assert.rejects(client().update(id, { url: 'https://10.0.0.1/' }), { status: 400 })
    assert.equal(await db.endpoint.count(), 1)
  })

  it('are limited to the emails of some providers, senders of MAPPINGS_FILE among them', async () => {
    const { id, filters } = await client().create({ url, filters: { providers: ['acme'] } })
    assert.deepEqual(filters, { providers: ['acme'] })
    const changed = await client().update(id, { filters: { providers: ['resend', 'house-mailer'] } })
    assert.deepEqual(changed.filters, { providers: ['resend', 'house-mailer'] })
  })

  it('keep what happens while they are paused, and drop it only if asked to', async () => {
    const { id } = await client().create({ url: null })
    await client().pause(id)
    await deliver('em_1')
    await deliver('em_2')
    assert.equal((await client().get(id))?.pending, 2)
    assert.equal((await client().resume(id)).pending, 2)
    await client().pause(id)
    assert.equal((await client().resume(id, { skip: true })).pending, 0)
  })

  it('without a URL are pulled: in order, signed, the same again until they are acknowledged', async () => {
    const { id, secret } = await client().create({ url: null, eventTypes: ['email.delivered'] })
    assert.deepEqual(await client().pull(id), [])
    const waiting = client().pull(id, { waitSeconds: 20 })
    await deliver('em_1')
    const [first] = await waiting
    assert.ok(first)
    const event = await verifyWebhook(first.body, first.headers, secret)
    assert.equal(event.id, first.headers['webhook-id'])
    assert.ok(event.type === 'email.delivered')
    assert.deepEqual([event.data.email.id, event.data.email.status], ['em_1', 'delivered'])
    assert.equal((await client().pull(id))[0]?.deliveryId, first.deliveryId)
    await client().acknowledge(id, [{ deliveryId: first.deliveryId, status: 500, durationMs: 5 }])
    assert.deepEqual(await client().pull(id), [])
    assert.equal((await client().replay(id, { deliveryId: first.deliveryId })).replayed, 1)
    const [again] = await client().pull(id)
    assert.equal(again?.headers['webhook-id'], first.headers['webhook-id'])
  })

  it('without a URL get none, and those with one are not pulled', async () => {
    const [pulled, posted] = [await client().create({ url: null }), await client().create({ url })]
    await assert.rejects(client().update(pulled.id, { url }), { status: 409 })
    await assert.rejects(client().pull(posted.id), { status: 409 })
    const outcome = { deliveryId: '1', status: 200, durationMs: 1 }
    await assert.rejects(client().acknowledge(posted.id, [outcome]), { status: 409 })
  })

  it('without a URL are deleted when nobody has pulled for a while', async () => {
    const [left, used] = [await client().create({ url: null }), await client().create({ url: null })]
    const posted = await client().create({ url })
    const later = new Date(Date.now() + 1)
    await until(async () => Date.now() > later.getTime())
    await client().pull(used.id)
    assert.equal(await deleteAbandonedEndpoints(db, later), 1)
    assert.deepEqual((await client().list()).map(({ id }) => id).sort(), [used.id, posted.id].sort())
    await assert.rejects(client().pull(left.id), { status: 404 })
  })

  it('end a pull that waits when the server stops', async () => {
    const { id } = await client().create({ url: null })
    const waiting = served.call('GET', `/v1/endpoints/${id}/deliveries?wait=25`)
    await until(async () => (await db.endpoint.findFirst({ where: { id } }))?.pulledAt !== null)
    const stopping = served.api.close({ graceMs: 5_000 })
    assert.equal((await waiting).status, 503)
    await stopping
  })

  it('are signed with the new secret and the old one until that expires', async () => {
    const { id, secret } = await client().create({ url: null })
    await client().test(id)
    const rotated = await client().rotateSecret(id, { overlapSeconds: 600 })
    const inTenMinutes = Date.now() + 600_000 - Date.parse(rotated.othersExpireAt)
    assert.ok(Math.abs(inTenMinutes) < 10_000)
    const pulled = async () => (await client().pull(id))[0] ?? assert.fail('nothing is pulled')
    const { body, headers } = await pulled()
    for (const each of [secret, rotated.secret]) {
      assert.equal((await verifyWebhook(body, headers, each)).type, 'endpoint.test')
    }
    await client().rotateSecret(id, { overlapSeconds: 0 })
    const later = await pulled()
    await assert.rejects(verifyWebhook(later.body, later.headers, [secret, rotated.secret]))
  })

  it('list their attempts by page and outcome, each with its request but no signature', async () => {
    const { id } = await client().create({ url })
    await deliver('em_1')
    const delivery = await db.delivery.findFirstOrThrow({ where: { type: 'email.delivered' } })
    const failed = {
      durationMs: 7,
      error: null,
      answer: 'no',
      state: 'pending',
      isCounted: true,
      nextAttemptAt: null,
    } as const
    const health = { failures: 0, firstFailedAt: null, notBefore: null, lastSucceededAt: null }
    for (const [n, status] of [500, null, 200].entries()) {
      const result = { ...failed, deliveryId: String(delivery.id), status, at: Date.now() + n }
      await recordAttempts(db, id, null, [result], health)
    }
    const first = await client().attempts(id, { limit: 2 })
    assert.deepEqual(
      first.data.map(({ status, outcome }) => [status, outcome]),
      [
        [200, 'succeeded'],
        [null, 'failed'],
      ],
    )
    const rest = await client().attempts(id, { limit: 2, cursor: first.nextCursor ?? '' })
    assert.deepEqual([rest.data.map(({ status }) => status), rest.nextCursor], [[500], null])
    const failures = (await client().attempts(id, { outcome: 'failed' })).data
    assert.deepEqual(
      failures.map(({ status }) => status),
      [null, 500],
    )
    const { type, response, request } = failures[1] ?? assert.fail()
    assert.deepEqual([type, response], ['email.delivered', 'no'])
    assert.deepEqual(Object.keys(request?.headers ?? {}).sort(), [
      'content-type',
      'user-agent',
      'webhook-id',
      'webhook-timestamp',
    ])
    assert.equal(JSON.parse(request?.body ?? '').data.email.id, 'em_1')
  })

  it('send again what was sent in a time, each once, and only the types that are asked for', async () => {
    const { id } = await client().create({ url: null })
    const since = new Date(Date.now() - 60_000).toISOString()
    await deliver('em_1')
    const pulled = await client().pull(id)
    await client().acknowledge(
      id,
      pulled.map(({ deliveryId }) => ({ deliveryId, status: 200, durationMs: 1 })),
    )
    const replayed = async (what: object) => (await client().replay(id, what as { since: string })).replayed
    assert.equal(await replayed({ since, eventTypes: ['email.bounced'] }), 0)
    assert.equal(await replayed({ since: new Date(Date.now() + 60_000).toISOString() }), 0)
    assert.equal(await replayed({ since, eventTypes: ['email.delivered'] }), 1)
    for (const what of [{}, { since, deliveryId: '1' }, { deliveryId: 'x' }]) {
      await assert.rejects(replayed(what), { status: 400 })
    }
  })

  it('receive only what their filters let through', async () => {
    const critical = await client().create({ url: null, filters: { priorities: ['critical'] } })
    await deliver('em_1')
    assert.deepEqual(await client().pull(critical.id), [])
  })

  it('are shown to whoever may operate, and created by whoever may create them', async () => {
    const key = async (scope: string) => {
      const response = await served.call('POST', '/v1/keys', { name: scope, scopes: [scope] })
      return ((await response.json()) as { key: string }).key
    }
    const as = (given: string) => createClient({ url: served.url, apiKey: given, timeoutMs: 5_000 }).endpoints
    const [operate, full] = [as(await key('operate')), as(await key('endpoints'))]
    const created: Endpoint = await full.create({ url })
    assert.equal((await operate.pause(created.id)).state, 'paused')
    await assert.rejects(operate.create({ url }), { status: 403 })
    await assert.rejects(operate.rotateSecret(created.id), { status: 403 })
  })
})
