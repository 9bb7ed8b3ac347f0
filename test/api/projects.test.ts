import assert from 'node:assert/strict'
import { markDirtyHours, rollUpHour } from '../../src/db/analytics-rollups.ts'
import { addAuditEntry } from '../../src/db/audit.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { eraseAgain } from '../../src/db/erase-again.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { addManualSuppression, removeSuppression } from '../../src/db/suppressions.ts'
import { type Scope, scopeNames } from '../../src/domain/access.ts'
import type { ProviderApi } from '../../src/providers/provider-api.ts'
import { runtimeLogin } from '../db/runtime-login.ts'
import { typesFor } from '../endpoints/outbox-rig.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'
import { confinedTo, markOf, projects, rowsOf, storeProject, webhooks } from './two-projects.ts'

/**
 * What a key of the project `shop` with the right scope gets for what belongs to `blog`. By hand: it must not be derived from what it
 * checks. `own`: a list of its own, without anything of another project.
 */
const expected: Readonly<Record<string, { needed: readonly Scope[]; body?: object; status: number; isOwn?: boolean }>> =
  {
    'GET /v1/emails': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/emails?recipient=person%40blog.example': { needed: ['read'], status: 200 },
    'GET /v1/emails?provider=blog%3Aaisend': { needed: ['read'], status: 200 },
    'GET /v1/emails/em_1': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/emails/em_1?provider=blog%3Aaisend': { needed: ['read'], status: 404 },
    'GET /v1/emails/em_1/stream?provider=blog%3Aaisend': { needed: ['read'], status: 404 },
    'POST /v1/emails': {
      needed: ['send'],
      body: { id: 'em_2', to: 'a@x.example', provider: 'blog:aisend' },
      status: 400,
    },
    'POST /v1/emails/send': {
      needed: ['send'],
      body: { from: 'a@x.example', to: 'b@x.example', subject: 's', text: 't', provider: 'blog:aisend' },
      status: 400,
    },
    'GET /v1/suppressions': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/suppressions/export': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/suppressions/person%40blog.example': { needed: ['read', 'send'], status: 200 },
    'POST /v1/suppressions/check': {
      needed: ['read', 'send'],
      body: { addresses: ['person@blog.example'] },
      status: 200,
    },
    'POST /v1/suppressions': { needed: ['suppress'], body: { address: 'person@blog.example' }, status: 201 },
    'POST /v1/suppressions/remove': { needed: ['suppress'], body: { address: 'other@blog.example' }, status: 404 },
    'DELETE /v1/suppressions/other%40blog.example': { needed: ['suppress'], status: 404 },
    'POST /v1/suppressions/import': { needed: ['suppress'], status: 415 },
    'POST /v1/suppressions/push': { needed: ['suppress'], body: { provider: 'blog:aisend' }, status: 400 },
    'POST /v1/suppressions/push-removals': { needed: ['suppress'], body: { provider: 'blog:aisend' }, status: 400 },
    'POST /v1/suppressions/pull-removals': { needed: ['suppress'], body: { provider: 'blog:aisend' }, status: 400 },
    'POST /v1/bounces/rejudge': { needed: ['suppress'], body: {}, status: 200 },
    'GET /v1/escalations': { needed: ['read'], status: 200, isOwn: true },
    'POST /v1/escalations/esc_blog/acknowledge': { needed: ['escalate', 'operate'], status: 404 },
    'POST /v1/escalations/esc_blog/snooze': { needed: ['escalate', 'operate'], status: 404 },
    'POST /v1/escalations/esc_blog/resolve': { needed: ['escalate', 'operate'], status: 404 },
    'GET /v1/events': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/events/blog%3Aaisend/ev_1': { needed: ['read'], status: 404 },
    'POST /v1/events/replay': {
      needed: ['operate'],
      body: { events: [{ provider: 'blog:aisend', id: 'ev_2' }] },
      status: 200,
    },
    'POST /v1/recipients/lookup': { needed: ['read'], body: { address: 'person@blog.example' }, status: 200 },
    'POST /v1/recipients/erase': { needed: ['erase'], body: { address: 'person@blog.example' }, status: 200 },
    'DELETE /v1/recipients/person%40blog.example': { needed: ['erase'], status: 200 },
    'GET /v1/channels': { needed: ['read'], status: 200, isOwn: true },
    'POST /v1/channels/oncall/test': { needed: ['operate'], status: 404 },
    'GET /v1/reconciliations': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/reconciliations/rec_blog': { needed: ['read'], status: 404 },
    'GET /v1/reconciliations/rec_blog/differences': { needed: ['read'], status: 200 },
    'GET /v1/providers': { needed: ['read'], status: 200 },
    'POST /v1/reconciliations': { needed: ['operate'], body: { provider: 'blog:aisend' }, status: 400 },
    'GET /v1/analytics/summary': { needed: ['read'], status: 200 },
    'GET /v1/analytics/timeseries': { needed: ['read'], status: 200 },
    'GET /v1/analytics/breakdown?by=tag': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/endpoints': { needed: ['endpoints', 'operate'], status: 200, isOwn: true },
    'POST /v1/endpoints': {
      needed: ['endpoints'],
      body: { url: 'https://app.example.com', project: 'blog' },
      status: 400,
    },
    'GET /v1/endpoints/ep_blog': { needed: ['endpoints', 'operate'], status: 404 },
    'PATCH /v1/endpoints/ep_blog': { needed: ['endpoints'], body: { description: 'n' }, status: 404 },
    'DELETE /v1/endpoints/ep_blog': { needed: ['endpoints'], status: 404 },
    'POST /v1/endpoints/ep_blog/pause': { needed: ['endpoints', 'operate'], status: 404 },
    'POST /v1/endpoints/ep_blog/resume': { needed: ['endpoints', 'operate'], body: {}, status: 404 },
    'POST /v1/endpoints/ep_blog/test': { needed: ['endpoints', 'operate'], status: 404 },
    'POST /v1/endpoints/ep_blog/secret': { needed: ['endpoints'], body: {}, status: 404 },
    'GET /v1/endpoints/ep_blog/attempts': { needed: ['endpoints', 'operate'], status: 404 },
    'POST /v1/endpoints/ep_blog/replay': {
      needed: ['endpoints', 'operate'],
      body: { since: '2026-01-01T00:00:00Z' },
      status: 404,
    },
    'GET /v1/endpoints/ep_blog/deliveries': { needed: ['endpoints'], status: 404 },
    'POST /v1/endpoints/ep_blog/acknowledge': {
      needed: ['endpoints'],
      body: { outcomes: [{ deliveryId: '1', status: 200, durationMs: 1 }] },
      status: 404,
    },
    'GET /v1/domains': { needed: ['read'], status: 200, isOwn: true },
    'GET /v1/domains/blog.example': { needed: ['read'], status: 200 },
    'POST /v1/domains/reports': { needed: ['operate'], status: 415 },
    'GET /v1/keys': { needed: [], status: 200, isOwn: true },
    'POST /v1/keys': { needed: [], body: { name: 'n', scopes: ['read'], project: 'blog' }, status: 400 },
    'DELETE /v1/keys/key_of_blog': { needed: [], status: 404 },
    'GET /v1/sessions': { needed: [], status: 200, isOwn: true },
    'DELETE /v1/sessions/session_of_blog': { needed: [], status: 404 },
    'GET /v1/audit/export': { needed: [], status: 200 },
    'GET /v1/audit': { needed: [], status: 200 },
    'POST /v1/audit/lookup': { needed: [], body: { address: 'person@blog.example' }, status: 200 },
  }

const sendingApi: ProviderApi = {
  fetchEvents: async () => [],
  sending: { idempotencyWindowMs: null, send: async () => ({ emailId: 'em_sent' }) },
}

describe('projects', () => {
  const stored = useDatabase()
  const { db } = stored
  const opened = new Map<string, Database>()
  const open = (project: string): Database => {
    const known = opened.get(project) ?? confinedTo(stored.url, project)
    opened.set(project, known)
    return known
  }
  const served = useApi(() => ({
    ...{ db, webhooks, projects: { ...projects, open } },
    providerApis: new Map(['aisend', 'shop:aisend', 'blog:aisend'].map((name) => [name, sendingApi])),
    teamChannels: [null, 'default', 'shop', 'blog'].map((project) => ({
      ...{ name: project === null ? 'oncall' : markOf(project), type: 'teams', test: async () => null },
      projects: project === null ? null : new Set([project]),
    })),
  }))

  before(async () => {
    for (const project of ['default', 'shop', 'blog']) await storeProject(db, project)
    await addAuditEntry(db, {
      ...{ actor: markOf('blog'), project: 'blog', via: 'api', action: 'key.create', subject: null },
      ...{ addressKey: null, client: '-', status: 201, requestId: 'r' },
    })
    const ended = await markDirtyHours(db)
    while (await rollUpHour(db, ended));
  })
  after(() => Promise.all([...opened.values()].map((each) => each.$disconnect())))

  const keyOf = async (project: string, scopes: readonly Scope[]): Promise<string> => {
    const response = await served.call('POST', '/v1/keys', { name: `${project} ${scopes.join()}`, scopes, project })
    assert.equal(response.status, 201)
    return ((await response.json()) as { key: string }).key
  }
  const callWith = (key: string) => (method: string, path: string, body?: object) =>
    served.call(method, path, body, { authorization: `Bearer ${key}` })

  it('have every route in the table', async () => {
    const document = (await (await fetch(`${served.url}/openapi.json`)).json()) as { paths: Record<string, object> }
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    )
    const isInTable = ({ method, path }: { method: string; path: string }) =>
      Object.keys(expected).some((route) =>
        new RegExp(`^${method} ${path.replace(/\{\w+\}/g, '[^/]+')}(\\?.*)?$`).test(route),
      )
    const missing = routes.filter(({ path }) => path.startsWith('/v1')).filter((route) => !isInTable(route))
    // A stream of all changes has no end: it has a test of its own.
    assert.deepEqual(missing, [{ method: 'GET', path: '/v1/stream' }])
  })

  for (const scope of scopeNames) {
    it(`keep what they have from another project’s key with the scope ${scope}, on every route`, async () => {
      const call = callWith(await keyOf('shop', [scope]))
      const before = await rowsOf(db, 'blog')
      for (const [route, { needed, body, status, isOwn = false }] of Object.entries(expected)) {
        const [method = '', path = ''] = route.split(' ')
        const response = await call(method, path, body)
        const text = await response.text()
        const isAllowed = scope === 'admin' || needed.includes(scope)
        // What one scope has added or erased, another finds.
        const allowed = status === 201 ? [200, 201] : [status]
        assert.ok(
          isAllowed ? allowed.includes(response.status) : response.status === 403,
          `${route}: ${response.status} ${text}`,
        )
        assert.ok(!text.includes(markOf('blog')) && !text.includes(markOf('default')), `${route}: ${text}`)
        if (isAllowed) assert.equal(text.includes(markOf('shop')), isOwn, `${route}: ${text}`)
      }
      assert.deepEqual(await rowsOf(db, 'blog'), before)
    })
  }

  it('have their own list: what one suppresses, another does not', async () => {
    const [shop, blog] = [callWith(await keyOf('shop', ['admin'])), callWith(await keyOf('blog', ['admin']))]
    const isSuppressed = async (call: typeof shop) =>
      ((await (await call('GET', '/v1/suppressions/new%40x.example')).json()) as { suppressed: boolean }).suppressed
    assert.equal((await shop('POST', '/v1/suppressions', { address: 'new@x.example' })).status, 201)
    assert.deepEqual([await isSuppressed(shop), await isSuppressed(blog)], [true, false])
    assert.equal((await blog('POST', '/v1/suppressions/remove', { address: 'new@x.example' })).status, 404)
    assert.equal((await blog('POST', '/v1/suppressions', { address: 'new@x.example' })).status, 201)
  })

  it('register and send through their own accounts, and may leave out their own name', async () => {
    const call = callWith(await keyOf('shop', ['send']))
    const email = { id: 'em_9', to: 'a@x.example' }
    for (const provider of ['aisend', 'shop:aisend', undefined]) {
      assert.equal((await call('POST', '/v1/emails', { ...email, provider })).status < 300, true)
      assert.equal(served.inbox.registrations.at(-1)?.provider, 'shop:aisend')
    }
    const sent = await call('POST', '/v1/emails/send', {
      from: 'a@x.example',
      to: 'b@x.example',
      subject: 's',
      text: 't',
    })
    assert.match(sent.headers.get('location') ?? '', /provider=shop%3Aaisend/)
  })

  it('do not answer another project’s idempotency key', async () => {
    const email = { from: 'a@x.example', to: 'b@x.example', subject: 's', text: 't' }
    // Both first: unknown keys are looked for once in a second.
    const keys = { shop: await keyOf('shop', ['send']), blog: await keyOf('blog', ['send']) }
    for (const [project, key] of Object.entries(keys)) {
      const headers = { authorization: `Bearer ${key}`, 'idempotency-key': 'order-1' }
      const response = await served.call('POST', '/v1/emails/send', email, headers)
      assert.ok(response.status < 300, await response.text())
      assert.equal(response.headers.get('idempotency-replayed'), null)
      assert.match(response.headers.get('location') ?? '', new RegExp(`provider=${project}`))
    }
  })

  it('stream their own changes only', async () => {
    const key = await keyOf('shop', ['read'])
    const response = await fetch(`${served.url}/v1/stream`, { headers: { authorization: `Bearer ${key}` } })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    for (const provider of ['aisend', 'blog:aisend', 'shop:aisend'])
      await db.$executeRaw`UPDATE emails SET updated_at = now() WHERE provider = ${provider}`
    let text = ''
    while (!text.includes(markOf('shop'))) text += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    assert.ok(!text.includes('blog') && !text.includes(markOf('default')), text)
  })

  it('show all to a key of the environment, which names the project that a key is for', async () => {
    const text = await (await served.call('GET', '/v1/emails')).text()
    for (const project of ['default', 'shop', 'blog']) assert.ok(text.includes(markOf(project)))
    const refused = await served.call('POST', '/v1/keys', { name: 'n', scopes: ['read'], project: 'other' })
    assert.match((await problemIn(refused)).errors?.[0]?.message ?? '', /must be one of: default, shop, blog/)
  })

  it('have keys of the default project that see no other', async () => {
    const text = await (await callWith(await keyOf('default', ['admin']))('GET', '/v1/emails')).text()
    assert.ok(text.includes(markOf('default')) && !text.includes(markOf('shop')))
  })
})

describe('the database of a project', () => {
  const stored = useDatabase()
  const { db } = stored
  let shop: Database
  before(async () => {
    for (const project of ['shop', 'blog']) await storeProject(db, project)
    shop = confinedTo(stored.url, 'shop')
  })
  after(() => shop.$disconnect())

  it('has no row of another in any table that it may read', async () => {
    const { rows: tables } = await db.pool.query<{ name: string; secured: boolean }>(`
      SELECT relname AS name, relrowsecurity AS secured FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND has_table_privilege('aftersend_project', oid, 'SELECT')`)
    const shared = [
      ...['recipient_domains', 'recipient_secret', 'analytics_state', 'retention_progress', 'erasure_keys'],
      // Of the whole system's export: an erasure notes there what to write again.
      ...['export_hours', 'export_state'],
    ]
    assert.deepEqual(
      tables
        .filter(({ secured }) => !secured)
        .map(({ name }) => name)
        .sort(),
      shared.sort(),
    )
    for (const { name } of tables) {
      const { rows } = await shop.pool.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM "${name}" AS t`)
      assert.ok(
        rows.every(({ row }) => !row.includes('blog')),
        name,
      )
    }
  })

  it('changes no row of another, and adds none', async () => {
    const before = await rowsOf(db, 'blog')
    for (const table of ['emails', 'email_recipients', 'events', 'sendings', 'suppressions', 'api_keys', 'endpoints']) {
      const column = ['suppressions', 'api_keys', 'endpoints'].includes(table) ? 'project' : 'provider'
      const value = column === 'project' ? 'blog' : 'blog:aisend'
      const { rowCount } = await shop.pool.query(`UPDATE ${table} SET ${column} = ${column} WHERE ${column} = $1`, [
        value,
      ])
      assert.equal(rowCount, 0, table)
      await assert.rejects(shop.pool.query(`UPDATE ${table} SET ${column} = $1`, [value]), /row-level security/, table)
    }
    await assert.rejects(
      shop.pool.query(`INSERT INTO suppressions (project, address, reason) VALUES ('blog', 'a@x.example', 'manual')`),
      /row-level security/,
    )
    await assert.rejects(shop.pool.query('TRUNCATE emails'), /permission denied/)
    await assert.rejects(shop.pool.query('DELETE FROM audit_log'), /permission denied|append-only/)
    assert.deepEqual(await rowsOf(db, 'blog'), before)
  })

  it('has its endpoints sent what it changes, with rights on what it cannot see', async () => {
    const [own, other] = await Promise.all(
      ['shop', 'blog'].map((project) => db.endpoint.findFirstOrThrow({ where: { project } })),
    )
    const before = await typesFor(db, other?.id ?? '')
    await addManualSuppression(shop, 'shop', 'new@example.com')
    assert.equal((await typesFor(db, own?.id ?? '')).at(-1), 'recipient.suppressed')
    assert.deepEqual(await typesFor(db, other?.id ?? ''), before)
    await assert.rejects(
      shop.pool.query(`INSERT INTO deliveries (message_id, endpoint_id, lane, type) VALUES ('msg_1', $1, '', '')`, [
        other?.id,
      ]),
      /row-level security/,
    )
    await removeSuppression(shop, 'shop', 'new@example.com')
  })

  it('erases a person from its project alone, also again after a restore', async () => {
    const ada = 'ada@example.com'
    const forget = async () => {
      await db.email.deleteMany({ where: { id: 'em_ada' } })
      await db.emailRecipient.deleteMany({ where: { emailId: 'em_ada' } })
    }
    const restore = async () => {
      await forget()
      for (const provider of ['shop:aisend', 'blog:aisend']) {
        const recipient = { to: [ada], recipients: [ada], createdAt: new Date(0) }
        await db.email.create({ data: { id: 'em_ada', provider, ...recipient } })
      }
    }
    const known = async () => {
      const emails = await db.email.findMany({ where: { recipients: { has: ada } } })
      return emails.map(({ provider }) => provider)
    }
    await restore()
    await eraseRecipient(shop, ada, 100)
    assert.deepEqual(await known(), ['blog:aisend'])
    await restore()
    await eraseAgain(db, () => {})
    assert.equal((await known()).length, 2, 'nobody was erased from all projects')
    await eraseAgain(shop, () => {})
    assert.deepEqual(await known(), ['blog:aisend'])
    await forget()
  })

  it('is opened by the login of api and worker, which itself sees all rows by plans without policies', async () => {
    const url = await runtimeLogin(stored)
    const [whole, confined] = [createDatabase({ url }), confinedTo(url, 'shop')]
    assert.equal(await whole.email.count(), 2)
    assert.equal(await confined.email.count(), 1)
    const { rows } = await whole.pool.query<{ 'QUERY PLAN': string }>('EXPLAIN SELECT FROM emails')
    assert.doesNotMatch(rows.map((row) => row['QUERY PLAN']).join(), /Filter/)
    await Promise.all([whole.$disconnect(), confined.$disconnect()])
    await db.$executeRawUnsafe(`DROP ROLE ${new URL(url).username}`)
  })

  it('takes no row from a role of your own that was granted SELECT', async () => {
    const client = await db.pool.connect()
    try {
      await client.query('CREATE ROLE reports')
      await client.query('GRANT SELECT ON emails TO reports')
      await applyMigrations({ databaseUrl: stored.url })
      await client.query('SET ROLE reports')
      const { rowCount } = await client.query('SELECT FROM emails')
      assert.equal(rowCount, 2)
    } finally {
      await client.query('RESET ROLE')
      await client.query('DROP OWNED BY reports')
      await client.query('DROP ROLE reports')
      client.release()
    }
  })

  it('is not opened where it cannot be confined', async () => {
    const template = new URL(stored.url)
    await db.$executeRawUnsafe(
      "DO $$ BEGIN CREATE ROLE nobody_here LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    template.username = 'nobody_here'
    template.password = 'x'
    const unconfined = confinedTo(template.href, 'shop')
    await assert.rejects(unconfined.$queryRaw`SELECT FROM emails`, /permission denied to set role/)
    await unconfined.$disconnect()
  })
})
