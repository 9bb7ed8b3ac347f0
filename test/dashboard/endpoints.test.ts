import assert from 'node:assert/strict'
import { createNamedKey } from '../../src/api/keys.ts'
import { recordAttempts } from '../../src/db/deliveries.ts'
import { pauseEndpoint } from '../../src/db/endpoints.ts'
import { roles } from '../../src/domain/access.ts'
import { applyEvents } from '../endpoints/outbox-rig.ts'
import { mappedProviders } from '../providers/mapped-providers.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard, Visitor } from './visitor.ts'

describe('the endpoints on the dashboard', () => {
  const { db } = useDatabase('endpoints, deliveries, delivery_attempts, emails, events, api_keys')
  const changed: string[] = []
  const endpointWorkflows = {
    ensureStarted: async () => false,
    changed: async (id: string) => void changed.push(id),
  }
  const { visited, visitor } = useDashboard(() => ({ db, endpointWorkflows, mappedProviders }))
  const url = 'https://app.example.com/webhooks'

  const create = async (fields: Record<string, string> = {}) => {
    const response = await visitor.post('/setup/endpoints', { url, ...fields })
    const html = await response.text()
    return { status: response.status, html, secret: /value="(whsec_[^"]+)"/.exec(html)?.[1] ?? '' }
  }
  const stored = () => db.endpoint.findFirstOrThrow()

  it('are created with what was chosen; the secret is shown once', async () => {
    assert.match(await visitor.html('/setup/endpoints'), /No endpoints/)
    const fields = new URLSearchParams({ url, description: 'The shop', tags: 'receipt, invoice', priority: 'critical' })
    for (const type of ['email.bounced', 'email.failed']) fields.append('event', type)
    const html = await (await visitor.postForm('/setup/endpoints', fields)).text()
    assert.match(html, /value="whsec_[\w+/]{43}="/)
    const endpoint = await stored()
    assert.deepEqual(endpoint.eventTypes, ['email.bounced', 'email.failed'])
    assert.deepEqual(endpoint.filters, { tags: ['receipt', 'invoice'], priorities: ['critical'] })
    assert.deepEqual([endpoint.createdBy, changed], ['grace', [endpoint.id]])
    const list = await visitor.html('/setup/endpoints')
    assert.match(list, /The shop/)
    assert.doesNotMatch(list, /whsec_/)
    const entry = await db.auditEntry.findFirst({ where: { subject: endpoint.id } })
    assert.equal(entry?.action, 'endpoint.create')
  })

  it('offer the senders of MAPPINGS_FILE beside the known providers, as the setup page does their variables', async () => {
    const page = await visitor.html('/setup/endpoints')
    for (const name of ['resend', 'acme']) assert.match(page, new RegExp(`name="provider" value="${name}"`))
    assert.match(page, /Acme Mail/)
    await create({ provider: 'acme' })
    assert.deepEqual((await stored()).filters, { providers: ['acme'] })
    assert.match(await visitor.html('/setup'), /Acme Mail<\/td><td><code>ACME_WEBHOOK_SECRET/)
  })

  it('are not created for a URL that leads inside, which the page says', async () => {
    const { status, html } = await create({ url: 'https://192.168.0.1/' })
    assert.equal(status, 400)
    assert.match(html, /role="alert"[\s\S]*private or reserved network/)
    assert.match(html, /value="https:\/\/192\.168\.0\.1\/"/)
  })

  it('are paused, and resumed with what was missed or without', async () => {
    await create()
    const { id } = await stored()
    const page = `/setup/endpoints/${id}`
    await visitor.post(`${page}/pause`, {})
    await applyEvents(db, { provider: 'aisend', emailId: 'em_1' }, { type: 'delivered' })
    assert.match(await visitor.html(page), /Paused: by a person[\s\S]*were not sent: 1\./)
    const response = await visitor.post(`${page}/resume`, {})
    assert.equal(response.headers.get('location'), `${page}?done=endpoint-resumed`)
    assert.deepEqual([(await stored()).state, await db.delivery.count({ where: { state: 'pending' } })], ['active', 1])
    await pauseEndpoint(db, id, { reason: 'failing' })
    assert.match(await visitor.html(page), /Paused: failed for five days/)
    await visitor.post(`${page}/resume`, { skip: 'yes' })
    assert.deepEqual([(await stored()).state, await db.delivery.count({ where: { state: 'pending' } })], ['active', 0])
  })

  it('show their attempts with request and answer, and send again', async () => {
    await create()
    const { id } = await stored()
    const page = `/setup/endpoints/${id}`
    await visitor.post(`${page}/test`, {})
    assert.match(await visitor.html(page), /No attempts yet/)
    const delivery = await db.delivery.findFirstOrThrow()
    const health = { failures: 1, firstFailedAt: Date.now(), notBefore: null, lastSucceededAt: null }
    const attempt = { deliveryId: String(delivery.id), at: Date.now(), status: 500, durationMs: 12, error: null }
    const result = { ...attempt, answer: '<b>out</b> of order', isCounted: true, nextAttemptAt: null } as const
    await recordAttempts(db, id, null, [{ ...result, state: 'failed' }], health)
    const html = await visitor.html(`${page}?outcome=failed`)
    assert.match(html, /endpoint\.test[\s\S]*webhook-id: msg_[\s\S]*&lt;b>out&lt;\/b> of order[\s\S]*500[\s\S]*12 ms/)
    assert.match(html, /Failing since/)
    await visitor.post(`${page}/replay`, { deliveryId: attempt.deliveryId })
    assert.equal(await db.delivery.count({ where: { messageId: delivery.messageId, state: 'pending' } }), 1)
    const nothing = await visitor.post(`${page}/replay`, { since: '1h' })
    assert.match(nothing.headers.get('location') ?? '', /done=endpoint-replayed/)
  })

  it('get a new secret beside the old one, and are deleted', async () => {
    await create()
    const { id } = await stored()
    const page = `/setup/endpoints/${id}`
    // The first choice is the default: the receiver has time to change.
    assert.match(await visitor.html(page), /name="overlap"><option value="86400">/)
    const html = await (await visitor.post(`${page}/secret`, { overlap: '86400' })).text()
    assert.match(html, /value="whsec_[\w+/]{43}="/)
    assert.equal(await db.endpointSecret.count({ where: { endpointId: id } }), 2)
    await visitor.post(`${page}/delete`, {})
    assert.match(await visitor.html('/setup/endpoints'), /No endpoints/)
    assert.equal((await visitor.get(page)).status, 404)
  })

  it('offer an operator no command that needs an administrator', async () => {
    await create()
    const { id } = await stored()
    const operator = new Visitor(visited.served)
    const { key } = await createNamedKey(db, { name: 'o', scopes: roles.operator, project: 'default', by: 'test' })
    await operator.signIn({ key, name: 'o' })
    const html = `${await operator.html('/setup/endpoints')}${await operator.html(`/setup/endpoints/${id}`)}`
    assert.match(html, /Send a test event/)
    assert.doesNotMatch(html, /Create an endpoint|Add a new secret|Delete this endpoint/)
  })
})
