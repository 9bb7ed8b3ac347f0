import assert from 'node:assert/strict'
import { apiKey, otherApiKey } from '../api/served.ts'
import { useDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

describe('signing in to the dashboard', () => {
  const database = useDatabase()
  let visited: Visited
  let visitor: Visitor
  let now = Date.now()
  const start = async (apiKeys = [apiKey]) => {
    visited = await serveDashboard({ db: database.db, apiKeys, clock: () => now })
    visitor = new Visitor(visited.served)
  }
  beforeEach(() => start())
  afterEach(() => visited.stop())

  it('is required for each page, and redirects to the requested page', async () => {
    const refused = await visitor.get('/emails?status=bounced')
    assert.equal(refused.status, 303)
    assert.equal(refused.headers.get('location'), '/sign-in?next=%2Femails%3Fstatus%3Dbounced')
    const signedIn = await visitor.signIn({ next: '/emails?status=bounced' })
    assert.equal(signedIn.status, 303)
    assert.equal(signedIn.headers.get('location'), '/emails?status=bounced')
    assert.equal((await visitor.get('/emails')).status, 200)
  })

  it('redirects to this server only, before and after it', async () => {
    const elsewhere = ['//evil.example/', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)', '']
    const dotted = [
      '/.//evil.example',
      '/..//evil.example',
      '/%2e//evil.example',
      '/a/..//evil.example',
      '/.\\/evil.example',
    ]
    for (const next of [...elsewhere, ...dotted]) {
      assert.equal((await visitor.signIn({ next })).headers.get('location'), '/', next)
      const again = await visitor.get(`/sign-in?next=${encodeURIComponent(next)}`)
      assert.equal(again.headers.get('location'), '/', next)
    }
  })

  it('sets a cookie that scripts, other sites and plain connections do not get', async () => {
    const plain = (await visitor.signIn()).headers.get('set-cookie') ?? ''
    assert.match(plain, /^aftersend=[\w-]+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    const behindTls = await visitor.post('/sign-in', { key: apiKey, name: 'grace' }, { 'x-forwarded-proto': 'https' })
    assert.match(behindTls.headers.get('set-cookie') ?? '', /^__Host-aftersend=.*; SameSite=Strict; Secure$/)
  })

  it('rejects a wrong key, and a name that is an address', async () => {
    const wrong = await visitor.signIn({ key: 'not-one-of-the-keys' })
    assert.equal(wrong.status, 401)
    assert.equal(wrong.headers.get('set-cookie'), null)
    assert.equal((await visitor.signIn({ name: 'ada@example.com' })).status, 400)
    assert.equal((await visitor.get('/emails')).status, 303)
  })

  it('ends after 12 hours, at sign-out, and when its key is removed', async () => {
    await visitor.signIn()
    now += 12 * 3_600_000 - 1
    assert.equal((await visitor.get('/emails')).status, 200)
    now += 1
    assert.equal((await visitor.get('/emails')).status, 303)
    await visitor.signIn()
    const { cookie } = visitor
    assert.equal((await visitor.post('/sign-out', {})).headers.get('location'), '/sign-in')
    assert.equal((await visitor.get('/emails')).status, 303)
    await visited.stop()
    await start([otherApiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 303)
    await visited.stop()
    await start([otherApiKey, apiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 200, 'other instances with the same key accept it')
  })

  it('rejects a changed cookie', async () => {
    await visitor.signIn()
    const [content = '', signature = ''] = visitor.cookie.slice('aftersend='.length).split('.')
    const forged = Buffer.from(JSON.stringify({ name: 'boss', expiresAt: now * 2 })).toString('base64url')
    for (const value of [`${forged}.${signature}`, `${content}.${'A'.repeat(43)}`, content, '', '.', `${content}.x`]) {
      visitor.cookie = `aftersend=${value}`
      assert.equal((await visitor.get('/emails')).status, 303, value)
    }
  })

  it('allows one address ten failures, then one in 30 seconds, and always lets the right key in', async () => {
    const from = (address: string, key: string) =>
      visitor.post('/sign-in', { key, name: 'grace' }, { 'x-forwarded-for': `1.2.3.4, ${address}` })
    for (let n = 0; n < 10; n += 1) assert.equal((await from('203.0.113.7', 'wrong')).status, 401)
    const refused = await from('203.0.113.7', 'wrong')
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '30')
    assert.equal((await from('203.0.113.7', apiKey)).status, 303)
    assert.equal((await from('203.0.113.8', 'wrong')).status, 401)
    now += 30_000
    assert.equal((await from('203.0.113.7', 'wrong')).status, 401)
    assert.equal((await from('203.0.113.7', 'wrong')).status, 429)
  })

  it('counts failures that come at the same moment', async () => {
    const attempt = () =>
      visitor.post('/sign-in', { key: 'wrong', name: 'grace' }, { 'x-forwarded-for': '203.0.113.9' })
    const statuses = (await Promise.all(Array.from({ length: 30 }, attempt))).map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 401).length, 10)
  })

  it('accepts no API key in a header for pages, and no cookie for the API', async () => {
    assert.equal((await visitor.get('/emails', { authorization: `Bearer ${apiKey}` })).status, 303)
    await visitor.signIn()
    assert.equal((await visitor.get('/v1/emails')).status, 401)
  })
})
