import assert from 'node:assert/strict'
import { createNamedKey } from '../../src/api/keys.ts'
import { writeEscalation } from '../../src/db/escalations.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { type Role, roleNames, roles } from '../../src/domain/access.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { incidentKeyOf, systemScope } from '../../src/domain/incident.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard, Visitor } from './visitor.ts'

/** Who may open each page and send each form. By hand: it must not be derived from what it checks. */
const everyone: readonly Role[] = ['viewer', 'support', 'operator', 'admin']
const supporters: readonly Role[] = ['support', 'operator', 'admin']
const operators: readonly Role[] = ['operator', 'admin']
const expected: Readonly<Record<string, readonly Role[]>> = {
  'GET /': everyone,
  'GET /live': everyone,
  'GET /emails': everyone,
  'GET /emails/:provider/:id': everyone,
  'GET /recipients': everyone,
  'POST /search': everyone,
  'GET /escalations': everyone,
  'POST /escalations/acknowledge': supporters,
  'POST /escalations/:id/:command': supporters,
  'GET /suppressions': everyone,
  'POST /suppressions': supporters,
  'POST /suppressions/remove': supporters,
  'GET /suppressions/export': everyone,
  'GET /suppressions/import': supporters,
  'POST /suppressions/import': supporters,
  'POST /suppressions/import/preview': supporters,
  'GET /events': everyone,
  'GET /events/:provider/:id': everyone,
  'POST /events/replay': operators,
  'POST /events/replay-all': operators,
  'GET /domains': everyone,
  'GET /domains/:domain': everyone,
  'POST /domains/reports': operators,
  'GET /setup': everyone,
  'POST /setup/test-event': operators,
  'POST /setup/reconcile': operators,
  'GET /setup/endpoints': operators,
  'POST /setup/endpoints': ['admin'],
  'GET /setup/endpoints/:id': operators,
  'POST /setup/endpoints/:id/test': operators,
  'POST /setup/endpoints/:id/pause': operators,
  'POST /setup/endpoints/:id/resume': operators,
  'POST /setup/endpoints/:id/replay': operators,
  'POST /setup/endpoints/:id/secret': ['admin'],
  'POST /setup/endpoints/:id/delete': ['admin'],
  'GET /setup/keys': ['admin'],
  'POST /setup/keys': ['admin'],
  'POST /setup/keys/revoke': ['admin'],
  'GET /setup/sessions': ['admin'],
  'POST /setup/sessions/revoke': ['admin'],
  'POST /setup/sessions/revoke-others': ['admin'],
  'GET /setup/audit': ['admin'],
  'GET /setup/audit/export': ['admin'],
}
/** For people without a session. */
const open = ['GET /assets/:version/:name', 'GET /sign-in', 'POST /sign-in', 'POST /sign-out']

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  ...{ escalationRepeatAfterMs: 1, lingerAfterSettledMs: 1, giveUpAfterMs: 1 },
}

describe('the authorisation of the dashboard', () => {
  const { db } = useDatabase('emails, events, escalations, suppressions, api_keys, sessions')
  const { visited } = useDashboard(() => ({ db }))

  beforeEach(async () => {
    const bounce = { class: 'soft', code: '4.2.2', message: 'full' } as const
    for (const emailId of ['em_1', 'em_2']) {
      await store(db, { emailId, id: `${emailId}_bounced`, type: 'bounced', bounce, recipient: 'ada@example.com' })
      await store(db, { emailId, id: `${emailId}_novel`, type: 'novel', quarantinedReason: 'no' })
      const escalation = openEscalation('stalled', 'No delivery was reported.', Date.now(), policy)
      await writeEscalation(db, { provider: 'aisend', emailId }, escalation)
    }
    // Of one cause: one card, to be acknowledged as a whole.
    for (const reason of ['backlog', 'temporal_refused'] as const) {
      const incident = openEscalation(reason, 'It is away.', Date.now(), policy)
      await writeEscalation(db, incidentKeyOf(systemScope, reason), incident)
    }
    await addManualSuppression(db, 'default', 'bob@example.com', { by: 'test', note: null })
  })

  /** Somebody who signed in with a key that has what the role allows. */
  const visitorWith = async (role: Role): Promise<Visitor> => {
    const { key } = await createNamedKey(db, { name: role, scopes: roles[role], project: 'default', by: 'test' })
    const visitor = new Visitor(visited.served)
    assert.equal((await visitor.signIn({ key, name: role })).status, 303)
    return visitor
  }

  it('is defined for every route', () => {
    const routes = visited.dashboard.stack.flatMap(({ methods, path }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${String(path)}`),
    )
    assert.deepEqual(routes.sort(), [...open, ...Object.keys(expected)].sort())
  })

  for (const role of roleNames) {
    it(`gives the role ${role} what the table says, and nothing else`, async () => {
      const visitor = await visitorWith(role)
      for (const [route, allowed] of Object.entries(expected)) {
        const [method, pattern = ''] = route.split(' ')
        const path = pattern.replace(/:\w+/g, '%20')
        // HEAD, so that no stream is opened; forms without fields, which change nothing of what is asked here.
        const response = await (method === 'GET' ? visitor.head(path) : visitor.post(path, {}))
        assert.equal(response.status === 403, !allowed.includes(role), `${route}: ${response.status}`)
      }
    })

    it(`shows the role ${role} nothing that it may not use`, async () => {
      const visitor = await visitorWith(role)
      const shown = new Set<string>()
      const pages = ['/', '/emails', '/emails/aisend/em_1', '/recipients?address=ada@example.com']
      const lists = ['/escalations', '/suppressions', '/suppressions?q=nobody@example.com', '/events?state=quarantined']
      const more = ['/recipients?address=bob@example.com', '/events/aisend/em_1_novel', '/domains', '/setup']
      for (const path of [...pages, ...lists, ...more]) {
        const html = await visitor.html(path)
        for (const [, target = ''] of html.matchAll(/ (?:href|action|formaction)="(\/[^"#?]*)/gi)) shown.add(target)
        assert.match(html, /Sign out/, path)
      }
      const uses = (route: string) => {
        const pattern = new RegExp(`^${(route.split(' ')[1] ?? '').replace(/:\w+/g, '[^/]+')}$`)
        return [...shown].some((target) => pattern.test(target))
      }
      const restricted = Object.entries(expected).filter(([, allowed]) => allowed !== everyone)
      // A path that is also that of a page which everybody may open says nothing.
      const telling = restricted.filter(([route]) => !expected[route.replace('POST', 'GET')]?.includes('viewer'))
      const onOtherPages = [
        /reconcile/,
        /export/,
        /revoke/,
        /preview/,
        /^POST \/setup\/keys/,
        /setup\/endpoints./,
        /^POST \/setup\/endpoints/,
        /^POST \/suppressions\/import/,
      ]
      for (const [route, allowed] of telling.filter(([each]) => !onOtherPages.some((other) => other.test(each)))) {
        assert.equal(uses(route), allowed.includes(role), route)
      }
      assert.equal(/Add an address/.test(await visitor.html('/suppressions')), role !== 'viewer')
      const person = await visitor.html('/recipients?address=nobody@example.com')
      assert.equal(/Suppress recipient/.test(person), role !== 'viewer')
    })
  }
})
