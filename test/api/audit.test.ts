import assert from 'node:assert/strict'
import { serveDashboard, Visitor } from '../dashboard/visitor.ts'
import { useDatabase } from '../stack.ts'
import { apiKey, useApi } from './served.ts'

interface Entry {
  readonly actor: string
  readonly via: string
  readonly action: string
  readonly subject: string | null
  readonly client: string
  readonly outcome: string
}

describe('the audit log', () => {
  const { db } = useDatabase()
  const served = useApi(() => ({ db }))

  const entries = async (query = ''): Promise<Entry[]> =>
    ((await (await served.call('GET', `/v1/audit${query}`)).json()) as { data: Entry[] }).data
  const last = async (action: string): Promise<Entry | undefined> => (await entries(`?action=${action}`))[0]

  it('records who did what to what, from where, and with which outcome', async () => {
    const created = (await (await served.call('POST', '/v1/keys', { name: 'shop', scopes: ['read'] })).json()) as {
      id: string
      key: string
    }
    const ofShop = { authorization: `Bearer ${created.key}`, 'x-forwarded-for': '203.0.113.7' }
    const refused = await fetch(`${served.url}/v1/suppressions/remove`, { method: 'POST', headers: ofShop })
    assert.equal(refused.status, 403)
    assert.equal((await served.call('POST', '/v1/escalations/none/resolve', { by: 'grace' })).status, 404)
    const by = ({ actor, via, subject, outcome }: Entry) => [actor, via, subject, outcome]
    const [key, removal, resolution] = await Promise.all(
      ['key.create', 'suppression.remove', 'escalation.resolve'].map(last),
    )
    assert.deepEqual(key && by(key), ['environment', 'api', created.id, 'done'])
    assert.deepEqual(removal && [...by(removal), removal.client], ['shop', 'api', null, 'refused', '203.0.113.7'])
    assert.deepEqual(resolution && by(resolution), ['environment', 'api', 'none', 'failed'])
    assert.ok(served.logged.some((line) => line.includes('"action":"key.create"')))
  })

  it('names addresses by a keyed hash only, by which they are found', async () => {
    await served.call('POST', '/v1/suppressions', { address: 'ADA@example.com' })
    await served.call('DELETE', '/v1/suppressions/ada@example.com')
    const text = await (await served.call('GET', '/v1/audit')).text()
    assert.doesNotMatch(text + served.logged.join(), /ada@/i)
    const found = await served.call('POST', '/v1/audit/lookup', { address: 'ada@example.com' })
    const { data } = (await found.json()) as { data: Entry[] }
    assert.deepEqual(
      data.map(({ action }) => action),
      ['suppression.remove', 'suppression.add'],
    )
  })

  it('records what people do on the dashboard, and failed attempts to sign in', async () => {
    const visited = await serveDashboard({ db })
    const visitor = new Visitor(visited.served)
    await visitor.signIn({ key: 'wrong', name: 'mallory' })
    await visitor.post('/suppressions', { address: 'eve@example.com' })
    await visitor.signIn()
    await visitor.post('/suppressions', { address: 'bob@example.com' })
    await visitor.post('/sign-out', {})
    await visited.stop()
    const ofPeople = (await entries()).filter(({ via }) => via === 'dashboard').reverse()
    assert.deepEqual(
      ofPeople.map(({ actor, action, outcome }) => [actor, action, outcome]),
      [
        ['mallory', 'session.start', 'refused'],
        ['grace', 'session.start', 'done'],
        ['grace', 'suppression.add', 'done'],
        ['grace', 'session.end', 'done'],
      ],
    )
    assert.ok(!visited.served.logged.join().includes(apiKey))
  })

  it('is not filled by strangers', async () => {
    const before = await db.auditEntry.count()
    for (const authorization of ['', 'Bearer guessed-by-a-stranger']) {
      await fetch(`${served.url}/v1/suppressions`, { method: 'POST', headers: { authorization } })
    }
    assert.equal(await db.auditEntry.count(), before)
  })

  it('is exported as CSV, filtered by who did what and when, without formulas', async () => {
    const at = new Date('2026-01-31T12:00:00Z')
    await db.auditEntry.createMany({
      data: ['=cmd', 'grace'].map((actor, day) => ({
        ...{ actor, via: 'api', action: 'key.create', client: '192.0.2.1', status: 201, requestId: 'r' },
        at: new Date(at.getTime() + day * 86_400_000),
      })),
    })
    const fileOf = async (query: string) => {
      const response = await served.call('GET', `/v1/audit/export${query}`)
      assert.match(response.headers.get('content-disposition') ?? '', /audit\.csv/)
      return (await response.text()).trim().split('\n').slice(1)
    }
    const january = await fileOf('?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z')
    assert.equal(january.length, 1)
    assert.match(january[0] ?? '', /,2026-01-31T12:00:00\.000Z,'=cmd,,api,key\.create,,,192.0.2.1,201,done,r$/)
    assert.deepEqual((await fileOf('?actor=grace&action=key.create')).length, 1)
    assert.equal((await db.auditEntry.findFirstOrThrow({ orderBy: { id: 'desc' } })).action, 'audit.export')
  })

  it('is append-only, and pages newest first without gap or repeat', async () => {
    await assert.rejects(db.auditEntry.deleteMany(), /append-only/)
    await assert.rejects(db.auditEntry.updateMany({ data: { actor: 'nobody' } }), /append-only/)
    await assert.rejects(db.$executeRaw`TRUNCATE audit_log`, /append-only/)
    const stored = await db.auditEntry.findMany({ orderBy: { id: 'desc' } })
    const ids: string[] = []
    for (let path: string | null = '/v1/audit?limit=2&action=session.start'; path; ) {
      const page = (await (await served.call('GET', path)).json()) as {
        data: { id: string }[]
        nextCursor: string | null
      }
      ids.push(...page.data.map(({ id }) => id))
      path = page.nextCursor && `/v1/audit?limit=2&action=session.start&cursor=${encodeURIComponent(page.nextCursor)}`
    }
    assert.deepEqual(
      ids,
      stored.filter(({ action }) => action === 'session.start').map(({ id }) => String(id)),
    )
  })

  it('does not undo what was done when it cannot be stored, and says so in the log', async () => {
    await db.$executeRaw`ALTER TABLE audit_log RENAME TO audit_log_away`
    try {
      assert.equal((await served.call('POST', '/v1/suppressions', { address: 'carol@example.com' })).status, 201)
      assert.ok(served.logged.some((line) => line.includes('could not be stored') && line.includes('suppression.add')))
    } finally {
      await db.$executeRaw`ALTER TABLE audit_log_away RENAME TO audit_log`
    }
  })
})
