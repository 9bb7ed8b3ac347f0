import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { problemIn, serve, useApi } from './served.ts'

interface CreatedKey {
  readonly id: string
  readonly key: string
}

describe('named API keys', () => {
  const { db } = useDatabase('api_keys')
  let now = Date.now()
  const served = useApi(() => ({ db, clock: () => now }))

  const create = async (name = 'shop', scopes = ['read']): Promise<CreatedKey> => {
    const response = await served.call('POST', '/v1/keys', { name, scopes })
    assert.equal(response.status, 201)
    return (await response.json()) as CreatedKey
  }
  const statusWith = async (key: string, url = served.url) =>
    (await fetch(`${url}/v1/emails?limit=1`, { headers: { authorization: `Bearer ${key}` } })).status

  it('open the API at once, on every instance, and are stored as a digest only', async () => {
    const other = await serve({ db, clock: () => now })
    assert.equal(await statusWith('as_nobody', other.url), 401)
    const { key } = await create()
    assert.equal(await statusWith(key), 200)
    now += 1_000
    assert.equal(await statusWith(key, other.url), 200)
    await other.stop()
    assert.match(key, /^as_[\w-]{32}$/)
    const stored = JSON.stringify(await db.apiKey.findMany())
    assert.ok(!stored.includes(key))
    const listed = await (await served.call('GET', '/v1/keys')).text()
    assert.doesNotMatch(listed, /digest|as_/)
    assert.ok(!served.logged.join().includes(key))
  })

  it('open nothing five seconds after they were revoked, on every instance', async () => {
    const other = await serve({ db, clock: () => now })
    const { id, key } = await create()
    assert.deepEqual([await statusWith(key), await statusWith(key, other.url)], [200, 200])
    assert.equal((await served.call('DELETE', `/v1/keys/${id}`)).status, 204)
    now += 5_000
    assert.deepEqual([await statusWith(key), await statusWith(key, other.url)], [401, 401])
    await other.stop()
    assert.equal((await served.call('DELETE', `/v1/keys/${id}`)).status, 204)
    const { data } = (await (await served.call('GET', '/v1/keys')).json()) as { data: { revokedBy: string }[] }
    assert.deepEqual(
      data.map(({ revokedBy }) => revokedBy),
      ['environment'],
    )
    await problemIn(await served.call('DELETE', '/v1/keys/key_nobody'))
  })

  it('say when they were last used, to the minute', async () => {
    const { key } = await create()
    await statusWith(key)
    await until(async () => (await db.apiKey.findFirst())?.lastUsedAt !== null)
    await db.apiKey.updateMany({ data: { lastUsedAt: null } })
    await statusWith(key)
    now += 60_000
    await statusWith(key)
    await until(async () => (await db.apiKey.findFirst())?.lastUsedAt !== null)
  })

  it('cost one read a second, whoever presents how many wrong ones', async () => {
    const reads: string[] = []
    const counting = new Proxy(db, {
      get: (target, name) => {
        if (name === 'apiKey') reads.push(String(name))
        return Reflect.get(target, name)
      },
    })
    const guarded = await serve({ db: counting, clock: () => now })
    now += 10_000
    await Promise.all(Array.from({ length: 50 }, (_, n) => statusWith(`as_guess-${n}`, guarded.url)))
    await guarded.stop()
    assert.equal(reads.length, 1)
  })

  it('are not created without a name and scopes that exist', async () => {
    for (const body of [
      {},
      { name: 'a' },
      { name: 'a', scopes: [] },
      { name: 'a', scopes: ['write'] },
      { name: 'ada@x.example', scopes: ['read'] },
    ]) {
      await problemIn(await served.call('POST', '/v1/keys', body))
    }
    assert.equal(await db.apiKey.count(), 0)
  })

  it('are unavailable, and not wrong, while PostgreSQL does not answer; those of the environment are not affected', async () => {
    const down = await serve()
    assert.equal(await statusWith('as_any', down.url), 503)
    const response = await fetch(`${down.url}/v1/emails?limit=no`, {
      headers: { authorization: 'Bearer key-of-the-tests-0001' },
    })
    assert.equal(response.status, 400)
    await down.stop()
  })
})
