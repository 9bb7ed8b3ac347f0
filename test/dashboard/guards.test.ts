import assert from 'node:assert/strict'
import { absentDatabase } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

describe('what every page of the dashboard holds to', () => {
  let database: TestDatabase
  let visited: Visited
  let visitor: Visitor

  before(async () => {
    database = await testDatabase()
    visited = await serveDashboard({ db: database.db })
  })
  beforeEach(async () => {
    visitor = new Visitor(visited.served)
    await visitor.signIn()
  })
  after(async () => {
    await visited.stop()
    await database.drop()
  })

  it('lets browsers run and load only what this server sends, and no cache keep it', async () => {
    for (const path of ['/sign-in?x=1', '/emails', '/emails/aisend/nobody']) {
      const { headers } = await visitor.get(path)
      const policy = headers.get('content-security-policy') ?? ''
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|https?:|\*/)
      assert.equal(headers.get('cache-control'), 'no-store')
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
    }
  })

  it('asks for nothing from another host, and holds no script or style of its own', async () => {
    const html = await visitor.html('/emails')
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address)
    assert.ok(addresses.length > 5)
    for (const address of addresses) assert.match(address, /^[/#]/)
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/)
  })

  it('lets its files be kept for ever, under an address that changes with them', async () => {
    const [, path = ''] = /href="([^"]+dashboard\.css)"/.exec(await visitor.html('/emails')) ?? []
    const css = await visitor.get(path)
    assert.equal(css.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(css.headers.get('content-type'), 'text/css; charset=utf-8')
    const older = await visitor.get(path.replace(/assets\/\w+/, 'assets/0123456789abcdef'))
    assert.equal(older.headers.get('cache-control'), 'no-cache')
    assert.equal((await visitor.get('/assets/x/..%2fdashboard.ts')).status, 404)
  })

  it('takes forms from its own pages only', async () => {
    const origins = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: '' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ] as Record<string, string>[]
    for (const headers of origins) {
      assert.equal((await visitor.post('/escalations/x/resolve', {}, headers)).status, 403, JSON.stringify(headers))
      assert.equal((await visitor.post('/sign-out', {}, headers)).status, 403)
    }
    assert.equal((await visitor.post('/escalations/x/resolve', {}, { 'sec-fetch-site': 'same-origin' })).status, 404)
  })

  it('shows what providers and people wrote as text, whatever it is', async () => {
    const hostile = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&'
    await store(database.db, {
      emailId: 'em_hostile',
      id: 'evt"><b>',
      subject: hostile,
      type: 'bounced',
      bounce: { class: 'soft', code: null, message: hostile },
      payload: JSON.stringify({ subject: hostile, big: 1 }),
    })
    const event = await visitor.html(`/events/aisend/${encodeURIComponent('evt"><b>')}`)
    const email = await visitor.html('/emails/aisend/em_hostile')
    for (const html of [event, email]) {
      assert.doesNotMatch(html, /<script>|<img|<b>/)
      assert.match(html, /&lt;\/script>&lt;script>alert\(1\)/)
    }
  })

  it('says within 2 seconds, as a page, that the database is away', async () => {
    const db = absentDatabase()
    const away = await serveDashboard({ db })
    const reader = new Visitor(away.served)
    await reader.signIn()
    for (const path of [
      '/',
      '/emails?q=words',
      '/emails/aisend/em_1',
      '/escalations',
      '/suppressions',
      '/events',
      '/setup',
    ]) {
      const startedAt = performance.now()
      const answer = await reader.get(path)
      assert.equal(answer.status, 503, path)
      assert.ok(performance.now() - startedAt < 2_000, path)
      assert.match(await answer.text(), /Not available just now[\s\S]*PostgreSQL does not answer now/)
    }
    await away.stop()
    await db.$disconnect()
  })

  it('sends an open page whose session has ended to the sign-in, rather than part of it', async () => {
    const answer = await new Visitor(visited.served).get('/emails', { 'hx-request': 'true' })
    assert.deepEqual([answer.status, answer.headers.get('hx-redirect')], [204, '/sign-in'])
  })

  it('tells mistakes as a page, without what was asked for', async () => {
    const missing = await visitor.get('/emails/aisend/em_nobody')
    assert.equal(missing.status, 404)
    assert.match(missing.headers.get('content-type') ?? '', /text\/html/)
    const html = await missing.text()
    assert.match(html, /Nothing was heard of such an email/)
    assert.doesNotMatch(html, /em_nobody/)
  })
})
