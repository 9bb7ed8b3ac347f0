import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { verifyWebhook, type WebhookEvent, WebhookVerificationError } from '../../src/client/index.ts'
import type { EndpointEvent } from '../../src/domain/endpoint-event.ts'
import { temporaryFolder } from '../stack.ts'

const secretOf = () => `whsec_${randomBytes(24).toString('base64')}`
const at = Date.parse('2026-12-01T12:00:00Z')

/** As the sender signs: with every secret that has not expired. */
function signed(body: string, secrets: readonly string[], id = 'msg_1') {
  const signature = secrets.map((secret) => new Webhook(secret).sign(id, new Date(at), body)).join(' ')
  return { 'webhook-id': id, 'webhook-timestamp': String(at / 1_000), 'webhook-signature': signature }
}

/** `never` if the client's types are those of the schema by which webhooks are made. */
type Exact<A, B> = [A] extends [B] ? ([B] extends [A] ? never : B) : A
type KeysOf<T> = T extends unknown ? keyof T : never
type DataOf<Event, Type> = Extract<Event, { type: Type }> extends { data: infer Data } ? Data : never
type Part<Event, Type, Name extends string> =
  DataOf<Event, Type> extends Record<Name, infer Value> ? NonNullable<Value> : never
type SamePart<Type, Name extends string> = Exact<
  KeysOf<Part<EndpointEvent, Type, Name>>,
  KeysOf<Part<WebhookEvent, Type, Name>>
>

describe('verifyWebhook', () => {
  it('has types of exactly the fields that webhooks have', () => {
    const differences: (
      | Exact<EndpointEvent['type'], WebhookEvent['type']>
      | Exact<KeysOf<EndpointEvent>, KeysOf<WebhookEvent>>
      | SamePart<'email.bounced', 'event'>
      | SamePart<'email.bounced', 'email'>
      | SamePart<'recipient.suppressed', 'suppression'>
      | SamePart<'escalation.opened', 'escalation'>
    )[] = []
    assert.deepEqual(differences satisfies never[], [])
    // What is sent is of the client's types.
    const typed = (event: EndpointEvent): WebhookEvent => event
    assert.ok(typed)
  })

  const verify = (body: string | Uint8Array, headers: Record<string, string>, secrets: string | string[], now = at) =>
    verifyWebhook(body, headers, secrets, { now })
  const refused = async (...args: Parameters<typeof verify>) => {
    await assert.rejects(verify(...args), WebhookVerificationError)
  }

  it('returns what was signed, and refuses whatever was changed', async () => {
    const json = fc.dictionary(fc.string(), fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer()))
    await fc.assert(
      fc.asyncProperty(json, fc.nat(), fc.stringMatching(/^[\x21-\x7e]{1,40}$/), async (event, place, id) => {
        const [secret, body] = [secretOf(), JSON.stringify(event)]
        const headers = signed(body, [secret], id)
        assert.deepEqual(await verify(body, headers, secret), JSON.parse(body))
        const bytes = new TextEncoder().encode(body)
        assert.deepEqual(await verify(bytes, headers, secret), JSON.parse(body))
        bytes[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ (1 << (place % 8))
        await refused(bytes, headers, secret)
        await refused(body, { ...headers, 'webhook-id': `${id}x` }, secret)
        await refused(body, { ...headers, 'webhook-timestamp': String(at / 1_000 + 1) }, secret)
        await refused(body, headers, secretOf())
      }),
      { numRuns: 50 },
    )
  })

  it('accepts any of several secrets and signatures, and headers of every kind', async () => {
    const [older, newer, other] = [secretOf(), secretOf(), secretOf()]
    const body = '{"type":"endpoint.test"}'
    const headers = signed(body, [older, newer])
    for (const secrets of [older, newer, [other, newer], newer.replace('whsec_', '')]) {
      assert.equal((await verify(body, headers, secrets)).type, 'endpoint.test')
    }
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
    assert.equal((await verify(body, upper, newer)).type, 'endpoint.test')
    assert.equal((await verifyWebhook(body, new Headers(headers), newer, { now: at })).type, 'endpoint.test')
    await refused(body, signed(body, [older]), [newer, other])
  })

  it('refuses what was signed more than 5 minutes ago, or ahead', async () => {
    const [secret, body] = [secretOf(), '{}']
    const headers = signed(body, [secret])
    for (const apartMs of [-300_000, 300_000]) await verify(body, headers, secret, at + apartMs)
    for (const apartMs of [-301_000, 301_000]) await refused(body, headers, secret, at + apartMs)
  })

  it('refuses a request without one of the headers, or with a body that is not JSON', async () => {
    const secret = secretOf()
    const headers = signed('{', [secret])
    await refused('{', headers, secret)
    for (const name of Object.keys(headers)) await refused('{', { ...headers, [name]: '' }, secret)
    await refused('{', { ...headers, 'webhook-signature': 'v1,* v2,AAAA' }, secret)
    await assert.rejects(verify('{', headers, 'whsec_***'), /must be base64/)
  })

  it('is used by the receiver in the documentation, which runs', async () => {
    const page = readFileSync(new URL('../../docs/webhooks-to-applications.md', import.meta.url), 'utf8')
    const snippet = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    const client = new URL('../../src/client/index.ts', import.meta.url)
    const file = join(await temporaryFolder(), 'receiver.ts')
    await writeFile(file, snippet.replace("'@aftersend/client'", `'${client}'`))
    const { receive } = (await import(file)) as { receive(request: Request): Promise<Response> }
    const secret = secretOf()
    process.env['WEBHOOK_SECRETS'] = `${secretOf()},${secret}`
    const body = '{"id":"msg_1","type":"email.bounced","data":{"event":{"recipient":"ada@example.com","failure":null}}}'
    const signature = (content: string) => new Webhook(secret).sign('msg_1', new Date(), content)
    const post = (content: string, signed: string) =>
      receive(
        new Request('https://app.example.com/webhooks', {
          ...{ method: 'POST', body: content },
          headers: {
            'webhook-id': 'msg_1',
            'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
            'webhook-signature': signed,
          },
        }),
      )
    for (const _ of ['first', 'repeated']) assert.equal((await post(body, signature(body))).status, 204)
    assert.equal((await post(body, signature(`${body} `))).status, 400)
  })
})
