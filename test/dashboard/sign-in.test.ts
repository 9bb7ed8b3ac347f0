import assert from 'node:assert/strict'
import { createNamedKey } from '../../src/api/keys.ts'
import { revokeApiKey } from '../../src/db/api-keys.ts'
import { apiKey, otherApiKey } from '../api/served.ts'
import { useDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

const hourMs = 3_600_000

describe('signing in to the dashboard', () => {
  const database = useDatabase('sessions, api_keys')
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
    assert.match(plain, /^aftersend-session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/)
    const behindTls = await visitor.post('/sign-in', { key: apiKey, name: 'grace' }, { 'x-forwarded-proto': 'https' })
    assert.match(behindTls.headers.get('set-cookie') ?? '', /^__Host-aftersend-session=.*; SameSite=Strict; Secure$/)
  })

  it('rejects a wrong key, and a name that is an address', async () => {
    const wrong = await visitor.signIn({ key: 'not-one-of-the-keys' })
    assert.equal(wrong.status, 401)
    assert.equal(wrong.headers.get('set-cookie'), null)
    assert.equal((await visitor.signIn({ name: 'ada@example.com' })).status, 400)
    assert.equal((await visitor.get('/emails')).status, 303)
  })

  it('ends after 12 hours without a request, after 7 days, and at sign-out', async () => {
    await visitor.signIn()
    now += 12 * hourMs - 1
    assert.equal((await visitor.get('/emails')).status, 200)
    now += 12 * hourMs - 1
    assert.equal((await visitor.get('/emails')).status, 200)
    now += 12 * hourMs
    assert.equal((await visitor.get('/emails')).status, 303)
    await visitor.signIn()
    for (let spent = 0; spent < 7 * 24 - 8; spent += 8) {
      now += 8 * hourMs
      assert.equal((await visitor.get('/emails')).status, 200)
    }
    now += 8 * hourMs
    assert.equal((await visitor.get('/emails')).status, 303)
    await visitor.signIn()
    const { cookie } = visitor
    assert.equal((await visitor.post('/sign-out', {})).headers.get('location'), '/sign-in')
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 303, 'not only in this browser')
  })

  it('is idle while only the page itself follows changes', async () => {
    await visitor.signIn()
    for (let n = 0; n < 11; n += 1) {
      now += hourMs
      assert.equal((await visitor.get('/emails', { 'hx-request': 'true' })).status, 200)
    }
    now += hourMs
    assert.equal((await visitor.get('/emails')).status, 303)
  })

  it('ends when its key is removed from the environment or revoked, and with no other', async () => {
    await visitor.signIn()
    const { cookie } = visitor
    await visited.stop()
    await start([otherApiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 303)
    await visited.stop()
    await start([otherApiKey, apiKey])
    visitor.cookie = cookie
    assert.equal((await visitor.get('/emails')).status, 200, 'other instances with the same key accept it')
    const named = await createNamedKey(database.db, { name: 'ada', scopes: ['read'], project: 'default', by: 'test' })
    const ada = new Visitor(visited.served)
    assert.equal((await ada.signIn({ key: named.key, name: 'ada' })).status, 303)
    assert.equal((await ada.get('/emails')).status, 200)
    await revokeApiKey(database.db, named.stored.id, 'test')
    now += 5_000
    assert.equal((await ada.get('/emails')).status, 303)
    assert.equal((await visitor.get('/emails')).status, 200)
  })

  it('needs a key that may read', async () => {
    const { key } = await createNamedKey(database.db, {
      name: 'shop',
      scopes: ['send'],
      project: 'default',
      by: 'test',
    })
    const refused = await visitor.signIn({ key })
    assert.equal(refused.status, 403)
    assert.match(await refused.text(), /The key “shop” needs the scope read/)
    assert.equal(refused.headers.get('set-cookie'), null)
  })

  it('begins a session under a new token, and ends the one before', async () => {
    await visitor.signIn()
    const { cookie: before } = visitor
    await visitor.signIn()
    assert.notEqual(visitor.cookie, before)
    assert.equal((await visitor.get('/emails')).status, 200)
    visitor.cookie = before
    assert.equal((await visitor.get('/emails')).status, 303)
  })

  it('stores a digest of the token only, and deletes sessions after a week', async () => {
    await visitor.signIn()
    const stored = JSON.stringify(await database.db.session.findMany())
    assert.ok(!stored.includes(visitor.cookie.slice('aftersend-session='.length)) && !stored.includes(apiKey))
    now += 7 * 24 * hourMs
    await visitor.signIn()
    assert.equal(await database.db.session.count(), 1)
  })

  it('rejects an invented cookie, and those of versions before 0.5', async () => {
    await visitor.signIn()
    const token = visitor.cookie.slice('aftersend-session='.length)
    const signed = `${Buffer.from('{"name":"boss"}').toString('base64url')}.${'A'.repeat(43)}`
    for (const value of [signed, 'A'.repeat(43), token.slice(1), `${token}A`, '', '.', '%00']) {
      visitor.cookie = `aftersend-session=${value}`
      assert.equal((await visitor.get('/emails')).status, 303, value)
    }
  })

  it('costs one statement at a time, whoever presents how many invented cookies', async () => {
    let [atOnce, most] = [0, 0]
    const session = new Proxy(database.db.session, {
      get(target, name) {
        if (name !== 'findMany') return Reflect.get(target, name)
        return async (query: object) => {
          atOnce += 1
          most = Math.max(most, atOnce)
          return target.findMany(query).finally(() => {
            atOnce -= 1
          })
        }
      },
    })
    const db = new Proxy(database.db, {
      get: (target, name) => (name === 'session' ? session : Reflect.get(target, name)),
    })
    const counting = await serveDashboard({ db })
    const invented = (n: number) => `aftersend-session=${String(n).padStart(43, 'A')}`
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        fetch(`${counting.served.url}/emails`, { redirect: 'manual', headers: { cookie: invented(n) } }),
      ),
    )
    await counting.stop()
    assert.ok(answers.every(({ status }) => status === 303))
    assert.equal(most, 1)
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
