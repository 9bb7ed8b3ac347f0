import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { isStandardSecret, isStandardSigned, signedIdIn, signStandard } from '../../src/providers/standard-signature.ts'
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

  it('covers the bytes, whatever they decode to', () => {
    const at = Date.now()
    // Both decode to the same text.
    const { headers } = signStandard('{"a":"\ufffd"}', svix.secret, at, 'svix')
    const exchanged = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
    assert.equal(exchanged.toString('utf8'), '{"a":"\ufffd"}')
    assert.equal(isStandardSigned(exchanged, headers, [svix.secret], 'svix'), false)
  })

  it('may be made with a private key, of which only the public one is configured', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const key = `whpk_${Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')}`
    assert.equal(isStandardSecret(key), true)
    const [body, timestamp] = [Buffer.from('{"a":1}'), String(Math.floor(Date.now() / 1_000))]
    const signature = sign(null, Buffer.concat([Buffer.from(`msg_1.${timestamp}.`), body]), privateKey).toString(
      'base64',
    )
    const headersWith = (text: string) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': text,
    })
    const isGenuine = (text: string, secrets = [key], bytes = body) =>
      isStandardSigned(bytes, headersWith(text), secrets, 'webhook')
    assert.equal(isGenuine(`v1,${signature} v1a,${signature}`), true)
    assert.equal(isGenuine(`v1,${signature}`), false)
    assert.equal(isGenuine(`v1a,${signature}`, [svix.secret]), false)
    assert.equal(isGenuine(`v1a,${signature}`, [key], Buffer.from('{"a":2}')), false)
    for (const wrong of ['v1a,', 'v1a', `v1a,${signature.slice(4)}`]) assert.equal(isGenuine(wrong), false, wrong)
  })

  it('is made by signStandard, with the same ID for the same body', () => {
    const at = Date.now()
    const first = signStandard('{"a":1}', svix.secret, at, 'svix')
    assert.ok(isStandardSigned(Buffer.from(first.body), first.headers, [svix.secret], 'svix'))
    const again = signStandard('{"a":1}', svix.secret, at + 60_000, 'svix')
    assert.equal(signedIdIn(again.headers, 'svix'), signedIdIn(first.headers, 'svix'))
    assert.notEqual(again.headers['svix-signature'], first.headers['svix-signature'])
  })
})
