import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

describe('the API keys on the dashboard', () => {
  const { db } = useDatabase('api_keys')
  const { visited, visitor } = useDashboard(() => ({ db }))

  const create = (name: string, scopes: readonly string[]) => {
    const fields = new URLSearchParams({ name })
    for (const scope of scopes) fields.append('scope', scope)
    return visitor.postForm('/setup/keys', fields)
  }

  it('are created with the chosen scopes, and shown once', async () => {
    assert.match(await visitor.html('/setup/keys'), /No named keys/)
    const html = await (await create('shop', ['read', 'send'])).text()
    const key = /value="(as_[\w-]{32})"/.exec(html)?.[1] ?? ''
    const call = () => fetch(`${visited.served.url}/v1/emails`, { headers: { authorization: `Bearer ${key}` } })
    assert.equal((await call()).status, 200)
    assert.ok(!(await visitor.html('/setup/keys')).includes(key))
    const [stored] = await db.apiKey.findMany()
    assert.deepEqual([stored?.name, stored?.scopes, stored?.createdBy], ['shop', ['read', 'send'], 'grace'])
  })

  it('are not created without a name or a scope', async () => {
    for (const [name, scopes] of [
      ['', ['read']],
      ['shop', []],
      ['ada@x.example', ['read']],
      ['shop', ['write']],
    ] as const) {
      const response = await create(name, scopes)
      assert.equal(response.status, 400)
      assert.match(await response.text(), /role="alert"/)
    }
    assert.equal(await db.apiKey.count(), 0)
  })

  it('are revoked, and stay in the list', async () => {
    await create('shop', ['read'])
    const [stored] = await db.apiKey.findMany()
    const response = await visitor.post('/setup/keys/revoke', { id: stored?.id ?? '' })
    assert.equal(response.headers.get('location'), '/setup/keys?done=revoked')
    assert.match(await visitor.html('/setup/keys'), /Revoked/)
    assert.equal((await db.apiKey.findFirst())?.revokedBy, 'grace')
  })
})
