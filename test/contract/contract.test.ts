import assert from 'node:assert/strict'
import { slackSignature } from '../../src/api/slack-signature.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { writeEscalation } from '../../src/db/escalations.ts'
import { createSession } from '../../src/db/sessions.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { apiKey, eventBody, quietMetrics, type Served, serve } from '../api/served.ts'
import { runtimeLogin } from '../db/runtime-login.ts'
import { store } from '../db/stored.ts'
import { reportXml } from '../domains/report-xml.ts'
import { quietLog } from '../quiet.ts'
import { standIn, useDatabase } from '../stack.ts'
import { DocumentedApi } from './documented.ts'

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 1, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}

describe('every answer', () => {
  // As a role that owns nothing, so that it needs no right that it does not have.
  const owner = useDatabase()
  let runtime: Database
  const db = standIn(() => runtime)
  let inbox: RunningInbox
  let served: Served
  let api: DocumentedApi
  let escalationId: string

  before(async () => {
    runtime = createDatabase({ url: await runtimeLogin(owner), erasureKey: 'erasure-key-of-the-tests-0000001' })
    inbox = createInbox({ db, emailWorkflows: { signal: async () => {} }, metrics: quietMetrics(), log: quietLog })
    const sent = { provider: 'aisend', emailId: 'em_sent' }
    const providerApi = {
      fetchEvents: async () => [],
      sending: { idempotencyWindowMs: null, send: async () => sent },
      history: {
        retainedMs: 86_400_000,
        requestsPerSecond: 1,
        delayMs: 0,
        read: async () => ({ events: [], next: null }),
      },
      suppressionLists: {
        requestsPerSecond: 1,
        read: async () => ({ entries: [], next: null }),
        writing: { addressesPerCall: 1, add: async () => 1, remove: async () => 1 },
      },
    }
    const channel = (name: string, failure: string | null) => ({
      ...{ name, type: 'slack', projects: null, test: async () => failure },
    })
    served = await serve({
      ...{ db, inbox, providerApis: new Map([['aisend', providerApi as never]]) },
      teamChannels: [channel('oncall', null), channel('broken', 'Slack answered 500')],
      slackApps: [{ signingSecret: 'signing-secret', projects: null, apiUrl: 'https://slack.com/api' }],
    })
    api = await DocumentedApi.at(served.url)
    await fillDatabase()
  })
  after(async () => {
    await served.stop()
    await inbox.close()
    await runtime.$disconnect()
  })

  async function fillDatabase(): Promise<void> {
    const email = { provider: 'aisend', emailId: 'em_1' }
    await writeEscalation(db, email, openEscalation('stalled', 'No delivery was reported.', Date.now(), policy))
    const incident = incidentKeyOf('tag:receipt', '2026-01-01T00:00:00.000Z')
    await writeEscalation(db, incident, openEscalation('bounce_rate', 'Too many bounce.', Date.now(), policy))
    escalationId = (await db.escalation.findFirstOrThrow({ where: { reason: 'stalled' } })).id
    served.emailWorkflows.answer = async () =>
      openEscalation('stalled', 'No delivery was reported.', Date.now(), policy)
    await store(db, {
      emailId: 'em_1',
      id: 'b',
      type: 'bounced',
      bounce: { class: 'soft', code: '4.2.2', message: 'full' },
    })
    await store(db, { emailId: 'em_1', id: 'q', type: 'novel', quarantinedReason: 'no' })
  }

  /** Calls, and validates the answer against the document. */
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await served.call(method, path, body)
    return { status: response.status, body: await api.check(method, path, response) }
  }
  const statusOf = async (method: string, path: string, body?: unknown) => (await call(method, path, body)).status
  const callRaw = async (method: string, path: string, init: RequestInit) => {
    const response = await fetch(served.url + path, { method, ...init })
    await api.check(method, path, response)
    return response.status
  }
  const authorized = { authorization: `Bearer ${apiKey}` }

  it('about emails is as documented', async () => {
    const registration = {
      id: 'em_1',
      to: ['ada@example.com', 'grace@example.com'],
      subject: 'Hi',
      tags: { kind: 'x' },
    }
    assert.equal(await statusOf('POST', '/v1/emails', registration), 201)
    assert.equal(await statusOf('POST', '/v1/emails', { ...registration, to: 'ada@example.com' }), 200)
    assert.equal(await statusOf('POST', '/v1/emails', {}), 400)
    assert.equal(await statusOf('GET', '/v1/emails?status=sent&limit=1'), 200)
    assert.equal(await statusOf('GET', '/v1/emails?limit=x'), 400)
    assert.equal(await statusOf('GET', '/v1/emails/em_1'), 200)
    assert.equal(await statusOf('GET', '/v1/emails/em_none'), 404)
    const invitation = { from: 'a@x.com', to: 'ada@example.com', subject: 'Hi', text: 'Come!' }
    assert.equal(await statusOf('POST', '/v1/emails/send', invitation), 201)
    assert.equal(await statusOf('POST', '/v1/emails/send', { ...invitation, provider: 'none' }), 400)
  })

  it('about suppressions is as documented', async () => {
    assert.equal(await statusOf('POST', '/v1/suppressions', { address: 'sup@x.com' }), 201)
    assert.equal(await statusOf('POST', '/v1/suppressions', { address: 'sup@x.com' }), 200)
    const refused = { from: 'a@x.com', to: 'sup@x.com', subject: 'Hi', text: 'Come!' }
    assert.equal(await statusOf('POST', '/v1/emails/send', refused), 422)
    assert.equal(await statusOf('GET', '/v1/suppressions?includeRemoved=true'), 200)
    assert.equal(await statusOf('POST', '/v1/bounces/rejudge', { dryRun: true }), 200)
    assert.equal(await statusOf('POST', '/v1/bounces/rejudge', { since: 'x' }), 400)
    assert.equal(await statusOf('POST', '/v1/suppressions/check', { addresses: ['sup@x.com', 'b@x.com'] }), 200)
    assert.equal(await statusOf('GET', '/v1/suppressions/sup@x.com'), 200)
    assert.equal(await statusOf('GET', '/v1/suppressions/export'), 200)
    const file = { headers: { ...authorized, 'content-type': 'text/csv' }, body: 'c@x.com\nnobody\n' }
    assert.equal(await callRaw('POST', '/v1/suppressions/import?dryRun=true', file), 200)
    assert.equal(await callRaw('POST', '/v1/suppressions/import', { ...file, headers: authorized }), 415)
    assert.equal(await statusOf('POST', '/v1/recipients/lookup', { address: 'sup@x.com' }), 200)
    assert.equal(await statusOf('POST', '/v1/recipients/lookup', { address: 'ada@example.com' }), 200)
    assert.equal(await statusOf('POST', '/v1/recipients/lookup', { address: 'sup' }), 400)
    assert.equal(await statusOf('DELETE', '/v1/recipients/sup@x.com'), 200)
    assert.equal(await statusOf('GET', '/v1/suppressions'), 200)
    assert.equal(await statusOf('DELETE', '/v1/suppressions/sup@x.com'), 204)
    assert.equal(await statusOf('DELETE', '/v1/suppressions/sup@x.com'), 404)
    assert.equal(await statusOf('POST', '/v1/suppressions', { address: 'two@x.com' }), 201)
    assert.equal(await statusOf('POST', '/v1/suppressions/remove', { address: 'two@x.com' }), 204)
    assert.equal(await statusOf('POST', '/v1/suppressions/remove', { address: 'two@x.com' }), 404)
    assert.equal(await statusOf('POST', '/v1/recipients/erase', { address: 'sup@x.com' }), 200)
  })

  it('about reconciling is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/reconciliations'), 200)
    const asked = { provider: 'aisend', dryRun: true }
    assert.equal(await statusOf('POST', '/v1/reconciliations', asked), 202)
    assert.equal(await statusOf('POST', '/v1/reconciliations', asked), 409)
    assert.equal(await statusOf('POST', '/v1/reconciliations', { provider: 'nobody' }), 400)
    const statement = {
      emails: { compared: 2, equal: 1, healed: 0, different: { not_kept: 1 } },
      addresses: { compared: 0, equal: 0, healed: 0, different: {} },
    }
    const { id } = await db.reconciliation.findFirstOrThrow()
    await db.reconciliation.update({ where: { id }, data: { kind: 'audit', statement, finishedAt: new Date() } })
    await db.auditDifference.create({ data: { provider: 'aisend', runId: id, reason: 'not_kept', emailId: 'em_1' } })
    assert.equal(await statusOf('GET', `/v1/reconciliations/${id}`), 200)
    assert.equal(await statusOf('GET', '/v1/reconciliations/rec_none'), 404)
    assert.equal(await statusOf('GET', `/v1/reconciliations/${id}/differences`), 200)
    assert.equal(await statusOf('GET', '/v1/providers'), 200)
    for (const change of ['push', 'push-removals', 'pull-removals']) {
      const path = `/v1/suppressions/${change}`
      assert.equal(await statusOf('POST', path, { provider: 'aisend', dryRun: true }), 202)
      assert.equal(await statusOf('POST', path, { provider: 'aisend' }), 409)
      assert.equal(await statusOf('POST', path, { provider: 'nobody' }), 400)
      await db.reconciliation.updateMany({ data: { finishedAt: new Date() } })
    }
  })

  it('about the audit log is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/audit?action=email.send'), 200)
    assert.equal(await statusOf('GET', '/v1/audit?action=nothing'), 400)
    assert.equal(await statusOf('GET', '/v1/audit/export?from=2026-11-01T00:00:00Z'), 200)
    assert.equal(await statusOf('POST', '/v1/audit/lookup', { address: 'sup@x.com' }), 200)
  })

  it('about keys is as documented', async () => {
    const { status, body } = await call('POST', '/v1/keys', { name: 'shop', scopes: ['send'] })
    assert.equal(status, 201)
    const { id, key } = body as { id: string; key: string }
    assert.equal(await callRaw('GET', '/v1/emails', { headers: { authorization: `Bearer ${key}` } }), 403)
    assert.equal(await statusOf('GET', '/v1/keys'), 200)
    assert.equal(await statusOf('POST', '/v1/keys', { name: 'shop', scopes: [] }), 400)
    assert.equal(await statusOf('DELETE', `/v1/keys/${id}`), 204)
    assert.equal(await statusOf('DELETE', '/v1/keys/none'), 404)
  })

  it('about endpoints is as documented', async () => {
    const url = 'https://app.example.com/webhooks'
    const { status, body } = await call('POST', '/v1/endpoints', { url, filters: { tags: ['receipt'] } })
    assert.equal(status, 201)
    const path = `/v1/endpoints/${(body as { id: string }).id}`
    assert.equal(await statusOf('POST', '/v1/endpoints', { url: 'https://10.0.0.1' }), 400)
    assert.equal(await statusOf('GET', '/v1/endpoints'), 200)
    assert.equal(await statusOf('GET', path), 200)
    assert.equal(await statusOf('GET', '/v1/endpoints/none'), 404)
    assert.equal(await statusOf('PATCH', path, { eventTypes: ['email.bounced'] }), 200)
    assert.equal(await statusOf('POST', `${path}/pause`), 200)
    assert.equal(await statusOf('POST', `${path}/resume`, { skip: true }), 200)
    const { body: test } = await call('POST', `${path}/test`)
    const { deliveryId } = test as { deliveryId: string }
    assert.equal(await statusOf('POST', `${path}/secret`, {}), 201)
    const attempt = { endpointId: path.slice(14), at: new Date(), status: 503, durationMs: 5, answer: 'busy' }
    await db.deliveryAttempt.create({ data: { ...attempt, deliveryId: BigInt(deliveryId) } })
    assert.equal(await statusOf('GET', `${path}/attempts?outcome=failed`), 200)
    assert.equal(await statusOf('GET', `${path}/attempts?outcome=none`), 400)
    assert.equal(await statusOf('POST', `${path}/replay`, { deliveryId }), 200)
    assert.equal(await statusOf('POST', `${path}/replay`, {}), 400)
    assert.equal(await statusOf('GET', `${path}/deliveries`), 409)
    assert.equal(await statusOf('DELETE', path), 204)
    assert.equal(await statusOf('DELETE', path), 404)
  })

  it('about webhooks that are pulled is as documented', async () => {
    const { body } = await call('POST', '/v1/endpoints', { url: null })
    const path = `/v1/endpoints/${(body as { id: string }).id}`
    const { body: test } = await call('POST', `${path}/test`)
    const { deliveryId } = test as { deliveryId: string }
    assert.equal(await statusOf('GET', `${path}/deliveries?wait=1`), 200)
    const outcomes = [{ deliveryId, status: null, durationMs: 5 }]
    assert.equal(await statusOf('POST', `${path}/acknowledge`, { outcomes }), 204)
    assert.equal(await statusOf('POST', `${path}/acknowledge`, { outcomes: [] }), 400)
    assert.equal(await statusOf('PATCH', path, { url: 'https://app.example.com' }), 409)
  })

  it('about sessions is as documented', async () => {
    const who = {
      name: 'ada',
      project: null,
      keyId: null,
      role: 'admin',
      client: '203.0.113.7',
      userAgent: 'Firefox',
    } as const
    const { id } = await createSession(db, { ...who, digest: 'digest' }, Date.now())
    assert.equal(await statusOf('GET', '/v1/sessions'), 200)
    assert.equal(await statusOf('DELETE', `/v1/sessions/${id}`), 204)
    assert.equal(await statusOf('DELETE', '/v1/sessions/none'), 404)
  })

  it('about escalations is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/escalations?state=open'), 200)
    for (const action of ['acknowledge', 'snooze', 'resolve']) {
      assert.equal(await statusOf('POST', `/v1/escalations/${escalationId}/${action}`), 200)
      assert.equal(await statusOf('POST', `/v1/escalations/none/${action}`, { by: 'grace' }), 404)
    }
  })

  it('about channels is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/channels'), 200)
    for (const [name, status] of Object.entries({ oncall: 200, broken: 502, none: 404 }))
      assert.equal(await statusOf('POST', `/v1/channels/${name}/test`), status)
    const click = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'payload={}' }
    assert.equal(await callRaw('POST', '/integrations/slack/interactions', click), 401)
    const timestamp = String(Math.floor(Date.now() / 1_000))
    const body = `payload=${encodeURIComponent(JSON.stringify({ type: 'block_actions', user: { id: 'U1' } }))}`
    const headers = {
      ...click.headers,
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': slackSignature(Buffer.from(body), 'signing-secret', timestamp),
    }
    assert.equal(await callRaw('POST', '/integrations/slack/interactions', { headers, body }), 200)
  })

  it('about events is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/events'), 200)
    assert.equal(await statusOf('GET', '/v1/events/aisend/b'), 200)
    assert.equal(await statusOf('GET', '/v1/events/aisend/none'), 404)
    assert.equal(await statusOf('POST', '/v1/events/replay', { events: [{ provider: 'aisend', id: 'none' }] }), 200)
    assert.equal(await statusOf('POST', '/v1/events/replay', { filter: {} }), 200)
    assert.equal(await statusOf('POST', '/v1/events/replay', { filter: { state: 1 } }), 400)
  })

  it('about analytics is as documented', async () => {
    assert.equal(await statusOf('GET', '/v1/analytics/summary'), 200)
    assert.equal(await statusOf('GET', '/v1/analytics/timeseries?bucket=day'), 200)
    assert.equal(await statusOf('GET', '/v1/analytics/breakdown?by=domain'), 200)
    for (const by of ['reason', 'party', 'mailboxProvider'])
      assert.equal(await statusOf('GET', `/v1/analytics/breakdown?by=${by}`), 200)
    assert.equal(await statusOf('GET', '/v1/analytics/breakdown'), 400)
  })

  it('about domains is as documented', async () => {
    const begin = Math.floor(Date.now() / 1_000) - 86_400
    const file = { headers: { ...authorized, 'content-type': 'text/xml' }, body: reportXml([{}], { begin }) }
    assert.equal(await callRaw('POST', '/v1/domains/reports', file), 200)
    assert.equal(await callRaw('POST', '/v1/domains/reports', { ...file, body: 'x' }), 400)
    assert.equal(await callRaw('POST', '/v1/domains/reports', { ...file, headers: authorized }), 415)
    assert.equal(await statusOf('GET', '/v1/domains?since=2030-01-31T12:00:00Z'), 200)
    assert.equal(await statusOf('GET', '/v1/domains?limit=x'), 400)
    assert.equal(await statusOf('GET', '/v1/domains/example.com'), 200)
    assert.equal(await statusOf('GET', '/v1/domains/none'), 400)
  })

  it('of live streams is as documented', async () => {
    for (const path of ['/v1/stream', '/v1/emails/em_1/stream']) {
      const leaving = new AbortController()
      const response = await fetch(served.url + path, { headers: authorized, signal: leaving.signal })
      await api.check('GET', path, response)
      leaving.abort()
    }
    assert.equal(await statusOf('GET', '/v1/emails/em_none/stream'), 404)
  })

  it('to providers and operators is as documented', async () => {
    const path = '/webhooks/aisend'
    await api.check('POST', path, await served.webhook(eventBody()))
    await api.check('POST', path, await served.webhook(eventBody(), { 'x-webhook-signature': 'none' }))
    await api.check('POST', path, await served.webhook('[]'))
    assert.equal(await callRaw('POST', '/webhooks/nobody', { body: '{}' }), 404)
    assert.equal(await callRaw('POST', '/webhooks/aisend/eu', { body: '{}' }), 404)
    for (const open of ['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs', '/docs/start.js']) {
      assert.equal(await callRaw('GET', open, {}), 200, open)
    }
    assert.equal(await callRaw('GET', '/v1/emails', {}), 401)
  })

  it('was requested from every route', () => {
    // No account has a secret here.
    assert.deepEqual(api.untried(), ['POST /webhooks/{provider}/{account}'])
  })
})
