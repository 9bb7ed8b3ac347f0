import assert from 'node:assert/strict'
import { endpointEventTypes, testSentType } from '../../src/domain/endpoint.ts'
import { useApi } from '../api/served.ts'

interface Document {
  openapi: string
  paths: Record<
    string,
    Record<string, { operationId: string; security: unknown[]; responses: Record<string, unknown> }>
  >
  components: { schemas: Record<string, unknown> }
}

describe('the document of the API', () => {
  const served = useApi()

  const read = async (path: string) => {
    const response = await fetch(served.url + path)
    assert.equal(response.status, 200, path)
    return { headers: response.headers, text: await response.text() }
  }

  it('is public, and names each operation once', async () => {
    const { openapi, paths } = JSON.parse((await read('/openapi.json')).text) as Document
    assert.equal(openapi, '3.1.0')
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId))
    assert.deepEqual(ids.length, new Set(ids).size)
    assert.ok(ids.length > 25)
  })

  it('contains every schema that it refers to', async () => {
    const { text } = await read('/openapi.json')
    const { schemas } = (JSON.parse(text) as Document).components
    const named = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name)
    assert.ok(named.length > 0)
    assert.deepEqual(
      named.filter((name) => !(name in schemas)),
      [],
    )
    assert.doesNotMatch(text, /\$defs/)
  })

  it('describes each webhook that endpoints are sent', async () => {
    const { webhooks } = JSON.parse((await read('/openapi.json')).text) as {
      webhooks: Record<string, { post: { parameters: { name: string }[]; requestBody: unknown } }>
    }
    assert.deepEqual(Object.keys(webhooks).sort(), [...endpointEventTypes, testSentType].sort())
    for (const { post } of Object.values(webhooks)) {
      assert.deepEqual(
        post.parameters.map(({ name }) => name),
        ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
      )
      assert.match(JSON.stringify(post.requestBody), /#\/components\/schemas\/\w+Webhook"/)
    }
  })

  it('requires a key wherever the server does', async () => {
    const { paths } = JSON.parse((await read('/openapi.json')).text) as Document
    const open = Object.entries(paths).filter(([path, methods]) => {
      return !path.startsWith('/v1/') && Object.values(methods).every(({ security }) => security.length === 0)
    })
    for (const [path, methods] of Object.entries(paths)) {
      if (open.some(([other]) => other === path) || path === '/metrics') continue
      for (const method of Object.keys(methods)) {
        const response = await fetch(served.url + path.replace(/\{\w+\}/g, 'a@b.c'), { method: method.toUpperCase() })
        assert.equal(response.status, 401, `${method} ${path}`)
      }
    }
  })

  it('is shown on a page that contacts no other host and runs only its own scripts', async () => {
    const { headers, text } = await read('/docs')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
    assert.doesNotMatch(text, /https?:|<script>/)
    for (const [, path = ''] of text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) await read(path)
  })
})
