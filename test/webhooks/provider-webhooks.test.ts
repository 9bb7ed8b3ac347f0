import assert from 'node:assert/strict'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import type { ProviderEntry } from '../../src/providers/provider.ts'
import { createWebhookSources, eventProviders, providers } from '../../src/providers/registry.ts'
import { problemIn, useApi } from '../api/served.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { validation } from '../providers/fixtures/azure.ts'
import { documented as sendgridEvents } from '../providers/fixtures/sendgrid.ts'
import { certificate, signedWhen, version1 } from '../providers/fixtures/sns.ts'
import { sampleDelivery, sampleEmail } from '../providers/sample-delivery.ts'

const secrets = new Map(providers.map((entry) => [entry.name, entry.generateSecret()]))
const entryOf = (name: string): ProviderEntry => providers.find((entry) => entry.name === name) as ProviderEntry

describe('webhooks of every provider', () => {
  let tokens = tokensInMemory()
  let answerOfAmazon = () => new Response(certificate)
  const configured = new Map<string, readonly string[]>([
    ...[...secrets].map(([name, { accepted }]) => [name, [accepted]] as const),
    ['postmark/eu', ['another:good-password']],
    ['ses/published', [version1.TopicArn]],
  ])

  const served = useApi(() => {
    tokens = tokensInMemory()
    const claim: typeof tokens.claim = (...claimed) => tokens.claim(...claimed)
    const parts = { clock: () => signedWhen, fetch: async () => answerOfAmazon(), tokens: { claim } }
    return { webhooks: createWebhookSources(configured, parts) }
  })

  const post = (path: string, { headers, body }: { headers: Readonly<Record<string, string>>; body: string }) =>
    fetch(`${served.url}/webhooks/${path}`, { method: 'POST', headers, body })

  const signed = (name: string, event?: object) => {
    // Standard Webhooks uses the machine's own clock.
    const at = name === 'mailgun' ? signedWhen : Date.now()
    const body = event ? JSON.stringify(event) : sampleDelivery(entryOf(name))
    return entryOf(name).sign(body, secrets.get(name)?.signing ?? '', at)
  }

  for (const { name, title } of eventProviders) {
    it(`of ${title} are acknowledged if genuine, counted once, and otherwise refused`, async () => {
      const request = signed(name)
      const first = await post(name, request)
      assert.deepEqual([first.status, await first.json()], [200, { received: 1, duplicates: 0 }])
      assert.deepEqual(await (await post(name, request)).json(), { received: 0, duplicates: 1 })
      const { provider, emailId, type } = served.inbox.events[0] ?? {}
      assert.deepEqual([provider, emailId, type], [name, sampleEmail(entryOf(name)).id, 'delivered'])
      const forged = entryOf(name).sign(request.body, entryOf(name).generateSecret().signing, Date.now())
      const refused = await post(name, forged)
      assert.equal(refused.status, 401)
      await problemIn(refused)
      assert.equal(served.inbox.events.length, 1)
    })
  }

  it('of another account are accepted with its own secret at its own path', async () => {
    const { sign } = entryOf('postmark')
    const body = sampleDelivery(entryOf('postmark'))
    assert.equal((await post('postmark/eu', sign(body, 'another:good-password', 0))).status, 200)
    assert.equal((await post('postmark', sign(body, 'another:good-password', 0))).status, 401)
    assert.equal((await post('postmark/eu', signed('postmark'))).status, 401)
    assert.equal((await post('postmark/us', signed('postmark'))).status, 404)
    const { provider, account } = served.inbox.events[0] ?? {}
    assert.deepEqual([provider, account], ['postmark', 'eu'])
  })

  it('of a batch become several events, also if one cannot be read', async () => {
    const batch = [...Object.values(sendgridEvents), { event: 'open' }]
    const response = await post('sendgrid', signed('sendgrid', batch))
    const stored = Object.keys(sendgridEvents).length
    assert.deepEqual([response.status, await response.json()], [200, { received: stored, duplicates: 0 }])
    const unread = served.inbox.events.filter(({ quarantinedReason }) => quarantinedReason !== undefined)
    assert.deepEqual(
      unread.map(({ quarantinedReason }) => quarantinedReason),
      ['the event has no sg_message_id'],
    )
    const again = await post('sendgrid', signed('sendgrid', batch.toReversed()))
    assert.deepEqual(await again.json(), { received: 0, duplicates: stored })
  })

  it('about no email are acknowledged, and nothing is stored', async () => {
    const response = await post('sendgrid', signed('sendgrid', [sendgridEvents.account_status_change]))
    assert.deepEqual([response.status, await response.json()], [200, { received: 0, duplicates: 0 }])
    assert.equal((await post('sendgrid', signed('sendgrid', []))).status, 200)
    assert.equal(served.inbox.events.length, 0)
  })

  it('that need a certificate get 503 while it cannot be fetched, and are verified afterwards', async () => {
    const request = { headers: {}, body: JSON.stringify({ ...version1, Message: 'Successfully validated SNS topic' }) }
    answerOfAmazon = () => new Response('', { status: 500 })
    const response = await post('ses/published', request)
    assert.equal(response.status, 503)
    assert.ok(response.headers.get('retry-after'))
    assert.match((await problemIn(response)).detail, /Amazon answers 500/)
    answerOfAmazon = () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) })
    }
    assert.match((await problemIn(await post('ses/published', request))).detail, /Amazon does not answer/)
    answerOfAmazon = () => new Response(certificate)
    assert.equal((await post('ses/published', request)).status, 401, 'now it can be verified')
    const { SignatureVersion: _, ...unversioned } = version1
    assert.equal((await post('ses/published', { headers: {}, body: JSON.stringify(unversioned) })).status, 401)
    assert.equal((await post('ses/published', { headers: {}, body: JSON.stringify(version1) })).status, 400)
  })

  it('whose token cannot be checked get 503', async () => {
    tokens = { claim: () => Promise.reject(new DatabaseUnavailableError('away')) }
    assert.equal((await post('mailgun', signed('mailgun'))).status, 503)
    tokens = { claim: () => new Promise(() => {}) }
    const startedAt = performance.now()
    assert.equal((await post('mailgun', signed('mailgun'))).status, 503)
    // 1.8 seconds are given; the rest is for a machine that is busy with other tests.
    assert.ok(performance.now() - startedAt < 3_000)
  })

  it('that cannot be stored are answered with 429 where the provider would discard them after 503', async () => {
    served.inbox.append = () => Promise.reject(new DatabaseUnavailableError('no answer'))
    const response = await post('brevo', signed('brevo'))
    assert.equal(response.status, 429)
    assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d?$/)
    assert.equal((await problemIn(response)).status, 429)
    assert.equal((await post('mailjet', signed('mailjet'))).status, 503)
  })

  it('may be asked for by HEAD where the provider does so before it sends any', async () => {
    const head = async (path: string) => (await fetch(`${served.url}/webhooks/${path}`, { method: 'HEAD' })).status
    assert.deepEqual(await Promise.all(['mandrill', 'mandrill/eu', 'brevo'].map(head)), [200, 404, 405])
  })

  it('may be longer than 1 MiB where the provider’s batches are', async () => {
    const filled = (bytes: number) => [
      ...JSON.parse(sampleDelivery(entryOf('mandrill'))),
      { type: 'inbound', x: 'x'.repeat(bytes) },
    ]
    const statusOf = async (bytes: number) => (await post('mandrill', signed('mandrill', filled(bytes)))).status
    assert.deepEqual([await statusOf(7_500_000), await statusOf(8 * 1_048_576)], [200, 413])
    assert.equal((await post('brevo', signed('brevo', { x: 'x'.repeat(1_048_576) }))).status, 413)
  })

  it('are consented to before they are proved, and nothing is stored', async () => {
    const headers = { 'content-type': 'application/json', 'aeg-event-type': 'SubscriptionValidation' }
    const validated = await post('azure', { headers, body: JSON.stringify([validation]) })
    const { validationCode } = validation.data
    assert.deepEqual([validated.status, await validated.json()], [200, { validationResponse: validationCode }])
    const origin = { 'webhook-request-origin': 'eventgrid.azure.net' }
    const asked = await fetch(`${served.url}/webhooks/azure`, { method: 'OPTIONS', headers: origin })
    assert.deepEqual([asked.status, asked.headers.get('webhook-allowed-origin')], [200, 'eventgrid.azure.net'])
    for (const path of ['azure', 'resend']) {
      const other = await fetch(`${served.url}/webhooks/${path}`, { method: path === 'azure' ? 'GET' : 'OPTIONS' })
      assert.deepEqual([other.status, other.headers.get('allow')], [405, 'POST'])
    }
    assert.equal((await post('azure', { headers, body: JSON.stringify([]) })).status, 401)
    assert.equal((await post('resend', { headers, body: JSON.stringify([validation]) })).status, 401)
    assert.equal(served.inbox.events.length, 0)
  })

  it('log nothing of their content', async () => {
    await post('postmark', signed('postmark', { RecordType: 'Inbound', MessageID: 'x', Recipient: 'ada@example.com' }))
    await post('sendgrid', signed('sendgrid', [{ event: 'open', email: 'ada@example.com' }]))
    assert.doesNotMatch(served.logged.join(''), /ada@/)
  })
})
