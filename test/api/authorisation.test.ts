import assert from 'node:assert/strict'
import { type Scope, scopeNames } from '../../src/domain/access.ts'
import { useDatabase } from '../stack.ts'
import { useApi } from './served.ts'

/** What opens each route, besides `admin`. By hand: it must not be derived from what it checks. */
const expected: Readonly<Record<string, readonly Scope[]>> = {
  'GET /v1/emails': ['read'],
  'POST /v1/emails': ['send'],
  'POST /v1/emails/send': ['send'],
  'GET /v1/emails/{id}': ['read'],
  'GET /v1/emails/{id}/stream': ['read'],
  'GET /v1/stream': ['read'],
  'GET /v1/suppressions': ['read'],
  'POST /v1/suppressions': ['suppress'],
  'POST /v1/suppressions/check': ['read', 'send'],
  'POST /v1/suppressions/import': ['suppress'],
  'POST /v1/suppressions/push': ['suppress'],
  'POST /v1/suppressions/push-removals': ['suppress'],
  'POST /v1/suppressions/pull-removals': ['suppress'],
  'GET /v1/suppressions/export': ['read'],
  'POST /v1/suppressions/remove': ['suppress'],
  'GET /v1/suppressions/{address}': ['read', 'send'],
  'DELETE /v1/suppressions/{address}': ['suppress'],
  'POST /v1/bounces/rejudge': ['suppress'],
  'GET /v1/escalations': ['read'],
  'POST /v1/escalations/{id}/acknowledge': ['escalate', 'operate'],
  'POST /v1/escalations/{id}/snooze': ['escalate', 'operate'],
  'POST /v1/escalations/{id}/resolve': ['escalate', 'operate'],
  'GET /v1/events': ['read'],
  'GET /v1/events/{provider}/{id}': ['read'],
  'POST /v1/events/replay': ['operate'],
  'POST /v1/recipients/lookup': ['read'],
  'POST /v1/recipients/erase': ['erase'],
  'DELETE /v1/recipients/{address}': ['erase'],
  'GET /v1/reconciliations': ['read'],
  'POST /v1/reconciliations': ['operate'],
  'GET /v1/reconciliations/{id}': ['read'],
  'GET /v1/reconciliations/{id}/differences': ['read'],
  'GET /v1/providers': ['read'],
  'GET /v1/analytics/summary': ['read'],
  'GET /v1/analytics/timeseries': ['read'],
  'GET /v1/analytics/breakdown': ['read'],
  'GET /v1/endpoints': ['endpoints', 'operate'],
  'POST /v1/endpoints': ['endpoints'],
  'GET /v1/endpoints/{id}': ['endpoints', 'operate'],
  'PATCH /v1/endpoints/{id}': ['endpoints'],
  'DELETE /v1/endpoints/{id}': ['endpoints'],
  'POST /v1/endpoints/{id}/pause': ['endpoints', 'operate'],
  'POST /v1/endpoints/{id}/resume': ['endpoints', 'operate'],
  'POST /v1/endpoints/{id}/test': ['endpoints', 'operate'],
  'POST /v1/endpoints/{id}/secret': ['endpoints'],
  'GET /v1/endpoints/{id}/attempts': ['endpoints', 'operate'],
  'POST /v1/endpoints/{id}/replay': ['endpoints', 'operate'],
  'GET /v1/endpoints/{id}/deliveries': ['endpoints'],
  'POST /v1/endpoints/{id}/acknowledge': ['endpoints'],
  'GET /v1/domains': ['read'],
  'GET /v1/domains/{domain}': ['read'],
  'POST /v1/domains/reports': ['operate'],
  'GET /v1/keys': [],
  'POST /v1/keys': [],
  'DELETE /v1/keys/{id}': [],
  'GET /v1/sessions': [],
  'DELETE /v1/sessions/{id}': [],
  'GET /v1/audit': [],
  'GET /v1/audit/export': [],
  'POST /v1/audit/lookup': [],
  'GET /v1/channels': ['read'],
  'POST /v1/channels/{name}/test': ['operate'],
}

describe('the authorisation of /v1', () => {
  const { db } = useDatabase()
  const served = useApi(() => ({ db }))

  const keyWith = async (scopes: readonly Scope[]): Promise<string> => {
    const response = await served.call('POST', '/v1/keys', { name: scopes.join(), scopes })
    assert.equal(response.status, 201)
    return ((await response.json()) as { key: string }).key
  }

  it('is defined for every route', async () => {
    const document = (await (await fetch(`${served.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, unknown>>
    }
    const routes = Object.entries(document.paths)
      .filter(([path]) => path.startsWith('/v1'))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
    assert.deepEqual(routes.sort(), Object.keys(expected).sort())
  })

  for (const scope of scopeNames) {
    it(`gives a key with the scope ${scope} what it names, and nothing else`, async () => {
      const authorization = `Bearer ${await keyWith([scope])}`
      for (const [route, needed] of Object.entries(expected)) {
        const [method = '', path = ''] = route.split(' ')
        // No address, no ID and no body is valid, so nothing is done; HEAD, so that no stream is opened.
        const response = await fetch(served.url + path.replace(/\{\w+\}/g, '%20'), {
          method: method === 'GET' ? 'HEAD' : method,
          headers: { authorization },
        })
        const isAllowed = scope === 'admin' || needed.includes(scope)
        assert.equal(response.status === 403, !isAllowed, `${route}: ${response.status}`)
        assert.notEqual(response.status, 401, route)
      }
    })
  }

  it('says which scope a key needs', async () => {
    const key = await keyWith(['send'])
    const response = await fetch(`${served.url}/v1/emails`, { headers: { authorization: `Bearer ${key}` } })
    assert.match(((await response.json()) as { detail: string }).detail, /the key "send" needs the scope read/)
  })
})
