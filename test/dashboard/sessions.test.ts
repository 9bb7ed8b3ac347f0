import assert from 'node:assert/strict'
import { apiKey, serve } from '../api/served.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

interface Listed {
  readonly id: string
  readonly name: string
  readonly via: string
  readonly keyName: string | null
  readonly keyId: string | null
  readonly client: string
  readonly userAgent: string
  readonly lastSeenAt: string
}

describe('the sessions of people', () => {
  const { db } = useDatabase('sessions')
  let now = Date.now()
  let visited: Visited
  beforeEach(async () => {
    visited = await serveDashboard({ db, clock: () => now })
  })
  afterEach(() => visited.stop())

  const signedIn = async (name: string, at = visited): Promise<Visitor> => {
    const visitor = new Visitor(at.served)
    await visitor.post(
      '/sign-in',
      { key: apiKey, name },
      { 'user-agent': 'x'.repeat(500), 'x-forwarded-for': '203.0.113.7' },
    )
    return visitor
  }
  const list = async (): Promise<Listed[]> =>
    ((await (await visited.served.call('GET', '/v1/sessions')).json()) as { data: Listed[] }).data
  const isOpen = async (visitor: Visitor) => (await visitor.get('/emails')).status === 200

  it('are listed with who, how, from where and when, and with nothing that opens one', async () => {
    const ada = await signedIn('ada')
    const text = await (await visited.served.call('GET', '/v1/sessions')).text()
    assert.ok(!text.includes(ada.cookie.slice('aftersend-session='.length)) && !text.includes('digest'))
    const [session] = await list()
    assert.deepEqual([session?.name, session?.via, session?.client], ['ada', 'key', '203.0.113.7'])
    assert.equal(session?.keyName, 'environment')
    assert.match(session?.keyId ?? '', /^environment_[0-9a-f]{8}$/)
    assert.equal(session?.userAgent.length, 200)
    const html = await ada.html('/setup/sessions')
    assert.match(html, /ada[\s\S]*this session[\s\S]*203\.0\.113\.7/)
    assert.doesNotMatch(html, /Revoke all others/)
  })

  it('open nothing five seconds after they were revoked, on every instance', async () => {
    const other = await serveDashboard({ db, clock: () => now })
    const [ada, grace, mary] = await Promise.all(['ada', 'grace', 'mary'].map((name) => signedIn(name)))
    assert.ok(ada && grace && mary)
    const elsewhere = new Visitor(other.served)
    elsewhere.cookie = ada.cookie
    assert.deepEqual(await Promise.all([ada, grace, mary, elsewhere].map(isOpen)), [true, true, true, true])
    const idOf = async (name: string) => (await list()).find((each) => each.name === name)?.id ?? ''
    assert.equal((await visited.served.call('DELETE', `/v1/sessions/${await idOf('ada')}`)).status, 204)
    const revoked = await mary.post('/setup/sessions/revoke', { id: await idOf('grace') })
    assert.equal(revoked.headers.get('location'), '/setup/sessions?done=session-revoked')
    now += 5_000
    assert.deepEqual(await Promise.all([ada, grace, mary, elsewhere].map(isOpen)), [false, false, true, false])
    await other.stop()
    assert.deepEqual(
      (await list()).map(({ name }) => name),
      ['mary'],
    )
    const [byPage, byApi] = await db.auditEntry.findMany({ orderBy: { id: 'desc' }, take: 2 })
    assert.deepEqual([byPage?.action, byPage?.actor, byPage?.status], ['session.revoke', 'mary', 303])
    assert.deepEqual([byApi?.action, byApi?.actor, byApi?.status], ['session.revoke', 'environment', 204])
    assert.equal((await visited.served.call('DELETE', '/v1/sessions/none')).status, 404)
  })

  it('are all revoked but one’s own', async () => {
    const [ada, grace] = [await signedIn('ada'), await signedIn('grace')]
    assert.match(await ada.html('/setup/sessions'), /Revoke all others/)
    await ada.post('/setup/sessions/revoke-others', {})
    now += 5_000
    assert.deepEqual([await isOpen(ada), await isOpen(grace)], [true, false])
  })

  it('say when they were last used, to the minute, and are not listed once they are idle or their key is gone', async () => {
    const ada = await signedIn('ada')
    const [{ lastSeenAt: atSignIn } = { lastSeenAt: '' }] = await list()
    now += 59_000
    await isOpen(ada)
    assert.equal((await list())[0]?.lastSeenAt, atSignIn)
    now += 1_000
    await isOpen(ada)
    const seen = new Date(now).toISOString()
    await until(async () => (await list())[0]?.lastSeenAt === seen)
    const withoutKey = await serve({ db, apiKeys: ['another-key-of-the-tests'], clock: () => now })
    const headers = { authorization: 'Bearer another-key-of-the-tests' }
    const answer = await fetch(`${withoutKey.url}/v1/sessions`, { headers })
    assert.deepEqual(((await answer.json()) as { data: unknown[] }).data, [])
    await withoutKey.stop()
    now += 12 * 3_600_000
    assert.equal(await db.session.count(), 1)
    assert.match(await (await signedIn('grace')).html('/setup/sessions'), /grace/)
    assert.doesNotMatch(await (await signedIn('grace')).html('/setup/sessions'), />ada</)
  })
})
