import assert from 'node:assert/strict'
import { apiKey, otherApiKey } from '../api/served.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

describe('signing in to the dashboard', () => {
  let database: TestDatabase
  let visited: Visited
  let visitor: Visitor
  let now = Date.now()

  before(async () => {
    database = await testDatabase()
  })
  after(() => database.drop())
  const begin = async (apiKeys = [apiKey]) => {
    visited = await serveDashboard({ db: database.db, apiKeys, clock: () => now })
    visitor = new Visitor(visited.served)
  }
  beforeEach(() => begin())
  afterEach(() => visited.stop())

  it('is asked of everybody, and leads back to the page that was wanted', async () => {
    const refused = await visitor.get('/emails?status=bounced')
    assert.equal(refused.status, 303)
    assert.equal(refused.headers.get('location'), '/sign-in?next=%2Femails%3Fstatus%3Dbounced')
    const signedIn = await visitor.signIn({ next: '/emails?status=bounced' })
    assert.equal(signedIn.status, 303)
    assert.equal(signedIn.headers.get('location'), '/emails?status=bounced')
    assert.equal((await visitor.get('/emails')).status, 200)
  })

  it('leads nowhere but to this server', async () => {
    for (const next of ['//evil.example/', 'https://evil.example/', '/\\evil.example', 'javascript:alert(1)', '']) {
      assert.equal((await visitor.signIn({ next })).headers.get('location'), '/', next)
    }
  })

  it('keeps who it is in a cookie that scripts, other sites and plain connections do not get', async () => {
    const plain = (await visitor.signIn()).headers.get('set-cookie') ?? ''
    assert.match(plain, /^aftersend=[\w-]+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    const behindTls = await visitor.post('/sign-in', { key: apiKey, name: 'grace' }, { 'x-forwarded-proto': 'https' })
    assert.match(behindTls.headers.get('set-cookie') ?? '', /^__Host-aftersend=.*; SameSite=Strict; Secure$/)
  })

  it('refuses a wrong key, and a name that is an address', async () => {
    const wrong = await visitor.signIn({ key: 'not-one-of-the-keys' })
    assert.equal(wrong.status, 401)
    assert.equal(wrong.headers.get('set-cookie'), null)
    assert.equal((await visitor.signIn({ name: 'ada@example.com' })).status, 400)
    assert.equal((await visitor.get('/emails')).status, 303)
  })

  it('ends after 12 hours, when signing out, and when its key is taken away', async () => {
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
    await begin([otherApiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 303)
    await visited.stop()
    await begin([otherApiKey, apiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 200, 'other instances with the same key know it')
  })

  it('believes no cookie that was changed', async () => {
    await visitor.signIn()
    const [content = '', signature = ''] = visitor.cookie.slice('aftersend='.length).split('.')
    const forged = Buffer.from(JSON.stringify({ name: 'boss', expiresAt: now * 2 })).toString('base64url')
    for (const value of [`${forged}.${signature}`, `${content}.${'A'.repeat(43)}`, content, '', '.', `${content}.x`]) {
      visitor.cookie = `aftersend=${value}`
      assert.equal((await visitor.get('/emails')).status, 303, value)
    }
  })

  it('lets one address fail ten times, then once in half a minute, and others go on', async () => {
    const from = (address: string, key: string) =>
      visitor.post('/sign-in', { key, name: 'grace' }, { 'x-forwarded-for': `1.2.3.4, ${address}` })
    for (let n = 0; n < 10; n += 1) assert.equal((await from('203.0.113.7', 'wrong')).status, 401)
    const refused = await from('203.0.113.7', apiKey)
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '30')
    assert.equal((await from('203.0.113.8', apiKey)).status, 303)
    now += 30_000
    assert.equal((await from('203.0.113.7', 'wrong')).status, 401)
    assert.equal((await from('203.0.113.7', apiKey)).status, 429)
    now += 30_000
    assert.equal((await from('203.0.113.7', apiKey)).status, 303)
  })

  it('opens no page to an API key in a header, and no API to the cookie', async () => {
    assert.equal((await visitor.get('/emails', { authorization: `Bearer ${apiKey}` })).status, 303)
    await visitor.signIn()
    assert.equal((await visitor.get('/v1/emails')).status, 401)
  })
})
