import assert from 'node:assert/strict'
import { isStandardSigned, signedIdIn, signStandard } from '../../src/providers/standard-signature.ts'
import { standardWebhooks, svix, wrongSignatures } from './fixtures/standard-signature.ts'

const published = [
  { ...standardWebhooks, prefix: 'webhook' },
  { ...svix, prefix: 'svix' },
] as const

type Published = (typeof published)[number]

const headersOf = (
  { prefix, id, timestamp, signature }: Published,
  changed: Record<string, string | undefined> = {},
) => {
  const headers = { id, timestamp: String(timestamp), signature, ...changed }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [`${prefix}-${name}`, value]))
}

describe('the signature of Standard Webhooks and Svix', () => {
  const now = Date.now
  const setClock = (at: number) => {
    // The library reads this clock.
    Date.now = () => at
  }
  afterEach(() => {
    Date.now = now
  })

  for (const vector of published) {
    const { prefix, payload, secret, timestamp } = vector
    const body = Buffer.from(payload)
    const isGenuine = (changed = {}, secrets: string[] = [secret], bytes = body) =>
      isStandardSigned(bytes, headersOf(vector, changed), secrets, prefix)

    describe(`as published with ${prefix}-… headers`, () => {
      beforeEach(() => setClock(timestamp * 1_000))

      it('is accepted with and without whsec_, among other secrets and among other signatures', () => {
        assert.ok(isGenuine())
        assert.ok(isGenuine({}, [secret.replace('whsec_', '')]))
        assert.ok(isGenuine({}, [`whsec_${'A'.repeat(32)}`, secret]))
        assert.ok(isGenuine({ signature: [...wrongSignatures, vector.signature].join(' ') }))
      })

      it('is refused when a part is missing or changed', () => {
        for (const name of ['id', 'timestamp', 'signature']) assert.ok(!isGenuine({ [name]: undefined }), name)
        assert.ok(!isGenuine({ id: 'msg_another' }))
        assert.ok(!isGenuine({ timestamp: 'hello' }))
        assert.ok(!isGenuine({ timestamp: String(timestamp + 1) }))
        for (const signature of [...wrongSignatures, vector.signature.slice(0, 8), 'v1,', '', ' ']) {
          assert.ok(!isGenuine({ signature }), signature)
        }
        assert.ok(!isGenuine({}, [secret], Buffer.from(`${payload} `)))
        assert.ok(!isGenuine({}, [`whsec_${'A'.repeat(32)}`]))
        assert.ok(!isGenuine({}, []))
      })

      it('is refused when it is older or newer than 5 minutes', () => {
        for (const seconds of [301, -301]) {
          setClock((timestamp + seconds) * 1_000)
          assert.ok(!isGenuine(), `${seconds} s`)
        }
        setClock((timestamp + 299) * 1_000)
        assert.ok(isGenuine())
      })
    })
  }

  it('is made by signStandard, with the same ID for the same body', () => {
    const at = Date.now()
    const first = signStandard('{"a":1}', svix.secret, at, 'svix')
    assert.ok(isStandardSigned(Buffer.from(first.body), first.headers, [svix.secret], 'svix'))
    const again = signStandard('{"a":1}', svix.secret, at + 60_000, 'svix')
    assert.equal(signedIdIn(again.headers, 'svix'), signedIdIn(first.headers, 'svix'))
    assert.notEqual(again.headers['svix-signature'], first.headers['svix-signature'])
  })
})
