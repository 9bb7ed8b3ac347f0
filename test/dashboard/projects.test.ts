import assert from 'node:assert/strict'
import { createNamedKey } from '../../src/api/keys.ts'
import type { Database } from '../../src/db/database.ts'
import { confinedTo, markOf, projects, rowsOf, storeProject, webhooks } from '../api/two-projects.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard, Visitor } from './visitor.ts'

/**
 * What an administrator of the project `shop` gets for what belongs to `blog`: the status, and whether the page shows what is its own. By
 * hand, for each route of the table in authorisation.test.ts.
 */
const expected: Readonly<Record<string, { status: number; isOwn?: boolean; fields?: Record<string, string> }>> = {
  'GET /': { status: 200, isOwn: true },
  'GET /emails': { status: 200, isOwn: true },
  'GET /emails/blog%3Aaisend/em_1': { status: 404 },
  'GET /emails/aisend/em_1': { status: 404 },
  'GET /emails/shop%3Aaisend/em_1': { status: 200, isOwn: true },
  'GET /recipients?address=person%40blog.example': { status: 200 },
  'POST /search': { status: 303, fields: { q: 'person@blog.example' } },
  'GET /escalations': { status: 200, isOwn: true },
  'POST /escalations/acknowledge': { status: 404, fields: { escalation: '1 esc_blog' } },
  'POST /escalations/esc_blog/acknowledge': { status: 404, fields: { version: '1' } },
  'GET /suppressions': { status: 200, isOwn: true },
  'GET /suppressions?q=person%40blog.example': { status: 200 },
  'POST /suppressions': { status: 303, fields: { address: 'person@blog.example' } },
  'POST /suppressions/remove': { status: 409, fields: { address: 'other@blog.example' } },
  'GET /suppressions/export': { status: 200, isOwn: true },
  'GET /suppressions/import': { status: 200 },
  'POST /suppressions/import': { status: 415 },
  'POST /suppressions/import/preview': { status: 415 },
  'GET /events': { status: 200, isOwn: true },
  'GET /events/blog%3Aaisend/ev_1': { status: 404 },
  'POST /events/replay': { status: 303, fields: { event: JSON.stringify(['blog:aisend', 'ev_2']) } },
  'POST /events/replay-all': { status: 303 },
  'GET /domains': { status: 200, isOwn: true },
  'GET /domains/blog.example': { status: 200 },
  'POST /domains/reports': { status: 415 },
  'GET /setup': { status: 200 },
  'POST /setup/reconcile': { status: 400, fields: { provider: 'blog:aisend' } },
  'POST /setup/test-event': { status: 404, fields: { path: 'aisend/blog' } },
  'GET /setup/endpoints': { status: 200, isOwn: true },
  'POST /setup/endpoints': { status: 400, fields: { url: 'https://app.example.com', project: 'blog' } },
  'GET /setup/endpoints/ep_blog': { status: 404 },
  'POST /setup/endpoints/ep_blog/test': { status: 404 },
  'POST /setup/endpoints/ep_blog/pause': { status: 404 },
  'POST /setup/endpoints/ep_blog/resume': { status: 404 },
  'POST /setup/endpoints/ep_blog/replay': { status: 404, fields: { since: '24h' } },
  'POST /setup/endpoints/ep_blog/secret': { status: 404, fields: { overlap: '0' } },
  'POST /setup/endpoints/ep_blog/delete': { status: 404 },
  'GET /setup/keys': { status: 200, isOwn: true },
  'POST /setup/keys': { status: 400, fields: { name: 'n', scope: 'read', project: 'blog' } },
  'POST /setup/keys/revoke': { status: 303, fields: { id: 'key_of_blog' } },
  'GET /setup/sessions': { status: 200, isOwn: true },
  'POST /setup/sessions/revoke': { status: 303, fields: { id: 'session_of_blog' } },
  'POST /setup/sessions/revoke-others': { status: 303 },
  'GET /setup/audit': { status: 200 },
  'GET /setup/audit/export': { status: 200 },
}

describe('the dashboard of a project', () => {
  const stored = useDatabase()
  const { db } = stored
  let confined: Database
  const { visited } = useDashboard(() => ({ db, webhooks, projects: { ...projects, open: () => confined } }))

  before(async () => {
    confined = confinedTo(stored.url, 'shop')
    for (const project of ['default', 'shop', 'blog']) await storeProject(db, project)
  })
  after(() => confined.$disconnect())

  const visitorOfShop = async (): Promise<Visitor> => {
    const visitor = new Visitor(visited.served)
    const { key } = await createNamedKey(db, { name: 'shop', scopes: ['admin'], project: 'shop', by: 'test' })
    assert.equal((await visitor.signIn({ key, name: 'ada' })).status, 303)
    return visitor
  }

  it('has every route in the table', () => {
    const routes = visited.dashboard.stack.flatMap(({ methods, path }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${String(path)}`),
    )
    const isInTable = (route: string) =>
      Object.keys(expected).some((each) => new RegExp(`^${route.replace(/:\w+/g, '[^/]+')}(\\?.*)?$`).test(each))
    // Of everybody, or an endless stream that says only that something changed.
    const others = [/assets/, /sign-(in|out)/, /^GET \/live$/]
    assert.deepEqual(
      routes.filter((route) => !isInTable(route) && !others.some((other) => other.test(route))),
      [],
    )
  })

  it('shows and changes nothing of another project, on every route', async () => {
    const visitor = await visitorOfShop()
    const before = await rowsOf(db, 'blog')
    const answers: Record<string, object> = {}
    const wanted: Record<string, object> = {}
    for (const [route, { status, isOwn = false, fields = {} }] of Object.entries(expected)) {
      const [method = '', path = ''] = route.split(' ')
      const response = await (method === 'GET' ? visitor.get(path) : visitor.post(path, fields))
      const text = await response.text()
      answers[route] = { status: response.status, isOwn: method === 'GET' && text.includes(markOf('shop')) }
      wanted[route] = { status, isOwn }
      assert.ok(!text.includes(markOf('blog')) && !text.includes(markOf('default')), `${route} shows another project`)
    }
    assert.deepEqual(answers, wanted)
    assert.deepEqual(await rowsOf(db, 'blog'), before)
    assert.deepEqual(visited.emailWorkflows.commands, [])
    assert.deepEqual(visited.inbox.events, [])
  })

  it('receives test events as its own', async () => {
    const visitor = await visitorOfShop()
    const answer = await visitor.post('/setup/test-event', { path: 'aisend/shop' })
    assert.match(answer.headers.get('location') ?? '', /^\/emails\/shop(:|%3A)aisend\//)
    assert.ok(
      visited.inbox.events.length > 0 && visited.inbox.events.every(({ provider }) => provider === 'shop:aisend'),
    )
  })
})
