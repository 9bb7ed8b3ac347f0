import assert from 'node:assert/strict'
import { absentDatabase } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { serveDashboard, useDashboard, Visitor } from './visitor.ts'

describe('every page of the dashboard', () => {
  const { db } = useDatabase()
  const { visited, visitor } = useDashboard(() => ({ db }))

  it('lets browsers run and load only what this server sends, and cache no page', async () => {
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

  it('loads nothing from another host, and has no inline script or style', async () => {
    const html = await visitor.html('/emails')
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address)
    assert.ok(addresses.length > 5)
    for (const address of addresses) assert.match(address, /^[/#]/)
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/)
  })

  it('lets browsers cache its assets for a year, under a URL that changes with them', async () => {
    const [, path = ''] = /href="([^"]+dashboard\.css)"/.exec(await visitor.html('/emails')) ?? []
    const css = await visitor.get(path)
    assert.equal(css.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(css.headers.get('content-type'), 'text/css; charset=utf-8')
    const older = await visitor.get(path.replace(/assets\/\w+/, 'assets/0123456789abcdef'))
    assert.equal(older.headers.get('cache-control'), 'no-cache')
    assert.equal((await visitor.get('/assets/x/..%2fdashboard.ts')).status, 404)
  })

  it('accepts forms from its own pages only', async () => {
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

  it('escapes all text of providers and people', async () => {
    const hostile = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&'
    await store(db, {
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

  it('says within 2 seconds, as a page, that the database does not answer', async () => {
    const absent = absentDatabase()
    const visitedWithoutDatabase = await serveDashboard({ db: absent })
    const reader = new Visitor(visitedWithoutDatabase.served)
    reader.cookie = `aftersend-session=${'A'.repeat(43)}`
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
      assert.match(await answer.text(), /Temporarily unavailable[\s\S]*PostgreSQL does not answer/)
    }
    await visitedWithoutDatabase.stop()
    await absent.$disconnect()
  })

  it('redirects the whole page to the sign-in when its session has ended', async () => {
    const answer = await new Visitor(visited.served).get('/emails', { 'hx-request': 'true' })
    assert.deepEqual([answer.status, answer.headers.get('hx-redirect')], [204, '/sign-in'])
  })

  it('shows errors as a page, without repeating the request', async () => {
    const missing = await visitor.get('/emails/aisend/em_nobody')
    assert.equal(missing.status, 404)
    assert.match(missing.headers.get('content-type') ?? '', /text\/html/)
    const html = await missing.text()
    assert.match(html, /This email is not known/)
    assert.doesNotMatch(html, /em_nobody/)
  })
})
