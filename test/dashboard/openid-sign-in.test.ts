import assert from 'node:assert/strict'
import { pino } from 'pino'
import { createOpenIdProvider } from '../../src/dashboard/openid.ts'
import type { OpenIdSettings } from '../../src/domain/openid-person.ts'
import { apiKey } from '../api/served.ts'
import { useDatabase } from '../stack.ts'
import { clientId, clientSecret, OpenIdStandIn } from './openid-stand-in.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

const publicUrl = 'https://aftersend.example'
const ada = { sub: 'user-1', name: 'Ada Lovelace', groups: ['helpdesk', 'staff'] }

describe('signing in by OpenID Connect', () => {
  const { db } = useDatabase('sessions')
  let provider: OpenIdStandIn
  let visited: Visited
  let visitor: Visitor
  let now = Date.now()
  const logged: string[] = []
  const log = pino({}, { write: (line: string) => logged.push(line) })

  const settings = (): OpenIdSettings => ({
    ...{ issuer: provider.issuer, clientId, clientSecret, publicUrl },
    ...{ scopes: 'openid profile email', rolesClaim: 'groups' },
    roles: { admin: ['Boss@Example.com'], support: ['helpdesk'] },
  })
  const start = async ({ withKeys = true, openId = settings() as OpenIdSettings | null } = {}) => {
    const signIn = { withKeys, openId: openId && createOpenIdProvider(openId, () => now) }
    visited = await serveDashboard({ db, signIn, log, clock: () => now })
    visitor = new Visitor(visited.served)
  }
  beforeEach(async () => {
    provider = new OpenIdStandIn()
    provider.claims = ada
    await provider.start()
    await start()
  })
  afterEach(async () => {
    await visited.stop()
    await provider.stop()
  })

  /** Goes to the provider. @returns the path and query with which it sends the browser back. */
  const goToProvider = async (next = '/emails', who = visitor): Promise<string> => {
    const begun = await who.get(`/sign-in/openid?next=${encodeURIComponent(next)}`)
    assert.equal(begun.status, 303)
    const back = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' })
    assert.equal(back.status, 302)
    const url = new URL(back.headers.get('location') ?? '')
    assert.equal(url.origin, publicUrl)
    return url.pathname + url.search
  }
  const signIn = async (next?: string) => visitor.get(await goToProvider(next))
  const audited = async () =>
    (await db.auditEntry.findMany({ orderBy: { id: 'desc' }, take: 1 })).map((entry) => [
      ...[entry.actor, entry.via, entry.action, entry.subject, entry.status],
    ])[0]
  const isSignedIn = async () => (await visitor.get('/emails')).status === 200

  it('leads to the requested page, by a page of its own, with the role of the claim', async () => {
    assert.match(await visitor.html('/sign-in?next=%2Femails'), /href="\/sign-in\/openid\?next=%2Femails"/)
    const answer = await signIn('/emails?status=bounced')
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('refresh'), '0; url=/emails?status=bounced')
    const cookies = answer.headers.getSetCookie()
    assert.equal(cookies.length, 2)
    assert.match(cookies[0] ?? '', /^aftersend-openid=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/)
    assert.match(cookies[1] ?? '', /^aftersend-session=[\w-]{43}; .*SameSite=Strict$/)
    assert.match(await visitor.html('/suppressions'), /Ada Lovelace[\s\S]*Add an address/)
    assert.equal((await visitor.get('/setup/keys')).status, 403)
    assert.deepEqual(await audited(), ['Ada Lovelace', 'dashboard', 'session.start', 'user-1', 200])
    await visitor.post('/sign-out', {})
    assert.deepEqual((await audited())?.slice(0, 3), ['Ada Lovelace', 'dashboard', 'session.end'])
  })

  it('gives a role to a verified address only, in whatever case it is written', async () => {
    provider.claims = { sub: 'user-2', name: 'boss@example.com', email: 'boss@EXAMPLE.com', email_verified: true }
    assert.equal((await signIn()).status, 200)
    assert.equal((await visitor.get('/setup/keys')).status, 200)
    const [stored] = await db.session.findMany()
    assert.deepEqual([stored?.name, stored?.role], ['user-2', 'admin'])
    for (const isVerified of [false, undefined, 'false']) {
      provider.claims = { ...provider.claims, email_verified: isVerified }
      assert.equal((await signIn()).status, 403)
    }
  })

  it('asks the userinfo endpoint for claims that the ID token lacks, and sends the secret as the provider asks for it', async () => {
    provider.claims = { sub: 'user-3' }
    provider.moreClaims = { preferred_username: 'grace', groups: 'helpdesk' }
    provider.secretBy = 'client_secret_post'
    provider.algorithm = 'ES256'
    assert.equal((await signIn()).status, 200)
    assert.deepEqual((await audited())?.slice(0, 1), ['grace'])
  })

  it('refuses whoever has no role, and says so', async () => {
    provider.claims = { ...ada, groups: ['staff'] }
    const refused = await signIn()
    assert.equal(refused.status, 403)
    assert.match(await refused.text(), /Ada Lovelace, you have no role here/)
    assert.equal(await isSignedIn(), false)
    assert.deepEqual(await audited(), ['Ada Lovelace', 'dashboard', 'session.start', 'user-1', 403])
  })

  it('refuses an ID token whose nonce, issuer, audience, time, subject or signature is wrong', async () => {
    const lies = [
      { nonce: 'another' },
      { iss: 'https://evil.example' },
      { aud: 'another-client' },
      { exp: 1_000_000_000, iat: 999_999_000 },
      { sub: undefined },
      'forged',
    ] as const
    for (const lie of lies) {
      provider.forges = lie === 'forged'
      provider.lies = lie === 'forged' ? {} : lie
      const refused = await signIn()
      assert.equal(refused.status, 401, JSON.stringify(lie))
      assert.match(await refused.text(), /did not sign you in \(OAUTH_\w+\)/)
      assert.equal(await isSignedIn(), false)
      assert.deepEqual(await audited(), ['unknown', 'dashboard', 'session.start', null, 401])
    }
    Object.assign(provider, { forges: false, lies: {} })
    assert.equal((await signIn()).status, 200)
  })

  it('refuses another state, an answer without an attempt, and one that is used again', async () => {
    const back = await goToProvider()
    const { cookie } = visitor
    assert.equal((await visitor.get(back.replace(/state=[^&]+/, 'state=another'))).status, 401)
    const stranger = new Visitor(visited.served)
    assert.equal((await stranger.get(back)).status, 400)
    visitor.cookie = cookie
    assert.equal((await visitor.get(back)).status, 200)
    assert.equal((await visitor.get(back)).status, 400, 'the attempt is over')
    visitor.cookie = cookie
    assert.equal((await visitor.get(back)).status, 401, 'the code is used')
    for (const broken of ['x', Buffer.from('{"state":1}').toString('base64url')]) {
      visitor.cookie = `aftersend-openid=${broken}`
      assert.equal((await visitor.get(back)).status, 400)
    }
  })

  it('says that the provider refused, and repeats only its code', async () => {
    const back = await goToProvider()
    const state = new URLSearchParams(back.split('?')[1]).get('state') ?? ''
    const query = new URLSearchParams({ error: 'access_denied', error_description: '<b>Call 555</b>', state })
    const html = await visitor.html(`/sign-in/callback?${query}`)
    assert.match(html, /did not sign you in \(access_denied\)/)
    assert.doesNotMatch(html, /Call 555/)
  })

  it('leads to this server only', async () => {
    for (const next of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/..//evil.example',
      `/${'x'.repeat(9_000)}`,
    ]) {
      assert.equal((await signIn(next)).headers.get('refresh'), '0; url=/', next)
    }
    const back = await goToProvider()
    const [, kept = ''] = /aftersend-openid=([\w-]+)/.exec(visitor.cookie) ?? []
    const changed = { ...JSON.parse(Buffer.from(kept, 'base64url').toString()), next: '//evil.example' }
    visitor.cookie = `aftersend-openid=${Buffer.from(JSON.stringify(changed)).toString('base64url')}`
    assert.equal((await visitor.get(back)).headers.get('refresh'), '0; url=/')
  })

  it('works once the provider answers, which need not be at the start, and keys work meanwhile', async () => {
    const { port } = provider
    await provider.stop()
    const away = await visitor.get('/sign-in/openid?next=%2Femails')
    assert.equal(away.status, 503)
    assert.match(await away.text(), /does not answer as an OpenID provider[\s\S]*name="key"/)
    assert.equal((await new Visitor(visited.served).signIn()).status, 303)
    provider = new OpenIdStandIn()
    provider.claims = ada
    await provider.start(port)
    assert.equal((await visitor.get('/sign-in/openid')).status, 503)
    assert.equal(provider.discoveries, 0, 'it is asked every five seconds, whoever tries')
    now += 5_000
    assert.equal((await signIn()).status, 200)
    provider.tokenError = { status: 503, error: 'temporarily_unavailable' }
    assert.equal((await signIn()).status, 503)
  })

  it('limits failed attempts of an address', async () => {
    provider.forges = true
    for (let n = 0; n < 10; n += 1) assert.equal((await signIn()).status, 401)
    const { id } = await db.auditEntry.findFirstOrThrow({ orderBy: { id: 'desc' } })
    assert.equal((await signIn()).status, 429)
    assert.equal((await db.auditEntry.findFirstOrThrow({ orderBy: { id: 'desc' } })).id, id)
  })

  it('can be the only way to sign in, and ends with its configuration', async () => {
    const byKey = new Visitor(visited.served)
    await byKey.signIn()
    await signIn()
    const { cookie } = visitor
    await visited.stop()
    await start({ withKeys: false })
    assert.doesNotMatch(await visitor.html('/sign-in'), /name="key"/)
    assert.equal((await visitor.post('/sign-in', { key: apiKey, name: 'grace' })).status, 403)
    visitor.cookie = byKey.cookie
    assert.equal(await isSignedIn(), false)
    visitor.cookie = cookie
    assert.equal(await isSignedIn(), true)
    await visited.stop()
    await start({ openId: null })
    visitor.cookie = cookie
    assert.equal(await isSignedIn(), false)
    assert.equal((await visitor.get('/sign-in/openid')).status, 404)
  })

  it('writes no token, code or address to a log or a table', async () => {
    provider.claims = { ...ada, email: 'ada@example.com', email_verified: true }
    const back = await goToProvider()
    const { cookie } = visitor
    await visitor.get(back)
    visitor.cookie = cookie
    await visitor.get(back)
    const stored = JSON.stringify([
      await db.session.findMany(),
      (await db.auditEntry.findMany()).map(({ id: _, ...entry }) => entry),
    ])
    assert.match(logged.join(), /a sign-in by OpenID Connect failed/)
    const code = new URLSearchParams(back.split('?')[1]).get('code') ?? 'none'
    for (const secret of [code, 'ada@example.com', clientSecret]) {
      assert.ok(!`${stored}${logged.join()}`.includes(secret), secret)
    }
  })
})
