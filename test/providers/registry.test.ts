import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type ReceivedEvent, unreadableEventType } from '../../src/domain/events.ts'
import { credentialProof } from '../../src/providers/proof.ts'
import { InvalidEventError, type Provider, type ProviderEntry } from '../../src/providers/provider.ts'
import { createWebhookSources, eventProviders, providerNamed } from '../../src/providers/registry.ts'
import { adapterOf } from './adapter.ts'
import { sampleDelivery, sampleEmail } from './sample-delivery.ts'

/** The start of the test: signatures are valid for minutes, and a run of all tests takes longer. */
let now = 0

describe('every provider in the registry', () => {
  beforeEach(() => {
    now = Date.now()
  })

  for (const entry of eventProviders) {
    describe(entry.title, () => {
      const provider = adapterOf(entry.name)
      const { accepted, signing } = entry.generateSecret()

      it('has the name of its adapter', () => {
        assert.equal(provider.name, entry.name)
        assert.equal(providerNamed(entry.name), entry)
      })

      it('accepts the secrets that it generates', () => {
        assert.ok(entry.accepts(accepted))
      })

      it('verifies what it signs, with any of several secrets, and parses it', async () => {
        const { headers, body } = entry.sign(sampleDelivery(entry), signing, now)
        const rawBody = Buffer.from(body)
        const another = entry.generateSecret().accepted
        assert.equal(await provider.verify(rawBody, headers, [another, accepted]), true)
        assert.equal(await provider.verify(rawBody, headers, [accepted, another]), true)
        const [event, ...others] = provider.parse(rawBody, now, headers)
        assert.deepEqual(
          [event?.provider, event?.emailId, event?.type],
          [entry.name, sampleEmail(entry).id, 'delivered'],
        )
        assert.deepEqual(others, [])
      })

      it('refuses another secret, no secret, no headers and a changed body', async () => {
        const { headers, body } = entry.sign(sampleDelivery(entry), signing, now)
        const rawBody = Buffer.from(body)
        assert.equal(await provider.verify(rawBody, headers, [entry.generateSecret().accepted]), false)
        assert.equal(await provider.verify(rawBody, headers, []), false)
        if (!coversNoHeaders.includes(entry.name)) assert.equal(await provider.verify(rawBody, {}, [accepted]), false)
        // A credential says nothing about the body.
        if (entry.sign !== credentialProof.sign) {
          const changed = body.replaceAll(/ada(?=(@|%40)example\.com)/g, 'eve').replaceAll(/"id":\s*"/g, '$&x')
          assert.equal(await provider.verify(rawBody, headers, [accepted]), true)
          assert.equal(await provider.verify(Buffer.from(changed), headers, [accepted]), false)
        }
      })

      it('gives an event the same ID when it is signed again', () => {
        const ids = [now, now + 1_000].map((at) => {
          const { headers, body } = entry.sign(sampleDelivery(entry), signing, at)
          return provider.parse(Buffer.from(body), at, headers)[0]?.id
        })
        assert.ok(ids[0])
        assert.equal(ids[0], ids[1])
      })

      it('parses or refuses with InvalidEventError any JSON', () => {
        fc.assert(
          fc.property(arbitraryBody(entry), (body) => {
            for (const event of eventsOrNone(provider, body)) assertStorable(event, entry.name)
          }),
          { numRuns: 500 },
        )
      })

      it('refuses with InvalidEventError any bytes', () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
            assert.deepEqual(eventsOrNone(provider, Buffer.from(bytes)), [])
          }),
        )
      })

      it('never throws for a damaged body', async () => {
        const request = entry.sign(sampleDelivery(entry), signing, now)
        for (const damaged of eachFieldDamaged(request.body)) {
          const rawBody = Buffer.from(damaged)
          assert.equal(typeof (await provider.verify(rawBody, request.headers, [accepted])), 'boolean')
          provider.explainRefusal?.(rawBody, request.headers)
          provider.consentTo?.({ method: 'POST', headers: request.headers, rawBody })
        }
      })

      it('never throws for headers, and accepts no invented ones', async () => {
        const rawBody = Buffer.from(entry.sign(sampleDelivery(entry), signing, now).body)
        const names = Object.keys(entry.sign(sampleDelivery(entry), signing, now).headers)
        const headers = fc.record(Object.fromEntries(names.map((header) => [header, fc.string({ unit: 'binary' })])))
        const property = fc.asyncProperty(headers, async (made) => {
          const isGenuine = await provider.verify(rawBody, made, [accepted])
          assert.equal(isGenuine, coversNoHeaders.includes(entry.name))
        })
        await fc.assert(property, { numRuns: 200 })
      })
    })
  }
})

/** The body with one of its fields after another replaced by an object that cannot be made a text. */
function eachFieldDamaged(body: string): string[] {
  const count = body.match(/"[\w-]+"\s*:/g)?.length ?? 0
  return Array.from({ length: body.startsWith('{') ? count : 0 }, (_, damaged) => {
    let at = 0
    return JSON.stringify(
      JSON.parse(body, (name, value) => (name !== '' && at++ === damaged ? { toString: true } : value)),
    )
  })
}

/** The signature of these is in the body. */
const coversNoHeaders = ['mailgun', 'ses', 'scaleway']

/** JSON with the provider's field names at unusual depths and with unusual values. */
function arbitraryBody(entry: ProviderEntry): fc.Arbitrary<Buffer> {
  const sample = JSON.parse(sampleDelivery(entry))
  const names = [
    ...new Set(JSON.stringify(sample).match(/(?<=")[\w-]+(?="\s*:)/g) ?? []),
    '__proto__',
    'toString',
    'to',
    'bounce',
  ]
  const values = [...new Set(JSON.stringify(sample).match(/(?<=:)("[^"]*"|[\d.]+)/g) ?? [])].map((text) =>
    JSON.parse(text),
  )
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 3 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom(...values),
      fc.dictionary(fc.constantFrom(...names), tie('json')),
      fc.array(tie('json'), { maxLength: 3 }),
    ),
  }))
  const damaged = fc
    .dictionary(fc.constantFrom(...names), json)
    .map((fields) => (Array.isArray(sample) ? [{ ...sample[0], ...fields }, fields] : { ...sample, ...fields }))
  const { signing } = entry.generateSecret()
  // In the provider's envelope.
  return fc.oneof(json, damaged).map((value) => Buffer.from(entry.sign(JSON.stringify(value), signing, now).body))
}

function eventsOrNone(provider: Provider, body: Buffer): ReceivedEvent[] {
  try {
    return provider.parse(body, now, {})
  } catch (error) {
    assert.ok(error instanceof InvalidEventError, error instanceof Error ? error.stack : String(error))
    return []
  }
}

/** What PostgreSQL and the inbox require. */
function assertStorable(event: ReceivedEvent, provider: string): void {
  assert.equal(event.provider, provider)
  assert.ok(event.id.length > 0 && event.id.length <= 300)
  const isQuarantined = event.quarantinedReason !== undefined
  assert.ok(event.emailId !== '' || isQuarantined)
  assert.equal(event.type === unreadableEventType, isQuarantined)
  assert.ok(Number.isFinite(event.occurredAt) && event.receivedAt === now)
  for (const text of [event.id, event.emailId, event.type, event.recipient, event.subject, event.bounce?.message]) {
    assert.ok(!text || (!text.includes('\u0000') && text.isWellFormed()))
  }
  for (const address of event.to) assert.doesNotMatch(address, /\s/)
  JSON.parse(event.payload)
  assert.equal(event.bounce !== null, event.type === 'bounced' && !isQuarantined)
}

describe('the paths of webhooks', () => {
  const dependencies = { clock: Date.now, fetch, tokens: { claim: async () => true } }

  it('are those of the providers and accounts that have a secret', () => {
    const secrets = new Map([
      ['resend', ['one']],
      ['resend/eu', ['two']],
      ['aisend/eu', ['three']],
    ])
    const sources = createWebhookSources(secrets, dependencies)
    const found = [...sources].map(([path, source]) => [path, source.provider.name, source.secrets[0]])
    assert.deepEqual(found.toSorted(), [
      ['aisend/eu', 'aisend', 'three'],
      ['resend', 'resend', 'one'],
      ['resend/eu', 'resend', 'two'],
    ])
  })
})
