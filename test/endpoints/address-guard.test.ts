import assert from 'node:assert/strict'
import type { LookupAddress, lookup as resolve } from 'node:dns'
import { createAddressGuard } from '../../src/endpoints/address-guard.ts'
import { createPoster } from '../../src/endpoints/poster.ts'
import { Receiver } from './receiver.ts'

const request = { headers: {}, body: '{}' }

/** A name server whose answers change from question to question. */
function resolverOf(...answers: string[][]): { readonly resolve: typeof resolve; readonly asked: string[] } {
  const asked: string[] = []
  const answering = (name: string, _: unknown, callback: (error: null, found: LookupAddress[]) => void) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(name)
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return { resolve: answering as unknown as typeof resolve, asked }
}

describe('the URL of an endpoint', () => {
  const isRefused = (url: string, allowed: string[] = []): boolean => {
    try {
      createAddressGuard(allowed).checkedUrl(url)
      return false
    } catch {
      return true
    }
  }

  it('must be https, to a public host, without credentials', () => {
    const refused = [
      'not a URL',
      'http://example.com/',
      'ftp://example.com/',
      'https://ada:secret@example.com/',
      ...[
        '127.0.0.1',
        '127.1',
        '2130706433',
        '0x7f.1',
        '0.0.0.0',
        '10.0.0.1',
        '172.16.0.1',
        '192.168.1.1',
        '100.64.0.1',
      ],
      ...['169.254.169.254', '198.18.0.1', '224.0.0.1', '255.255.255.255', '[::1]', '[::]', '[fe80::1]', '[fc00::1]'],
      ...['[::ffff:10.0.0.1]', '[64:ff9b::a00:1]', '[2002:a00:1::]', '[2001:db8::1]', '[ff02::1]'],
    ].filter((target) => !isRefused(target.includes('://') ? target : `https://${target}/`))
    assert.deepEqual(refused, [])
    assert.deepEqual(
      ['https://example.com/', 'https://93.184.215.14:8443/x', 'https://[2606:2800::1]/'].filter((url) =>
        isRefused(url),
      ),
      [],
    )
  })

  it('may be internal, also with http, if its host, address or network is listed', () => {
    const allowed = ['hooks.internal', '10.1.0.0/16', 'fd00::7']
    const accepted = ['http://hooks.internal:4000/', 'http://HOOKS.internal/', 'http://10.1.2.3/', 'https://[fd00::7]/']
    assert.deepEqual(
      accepted.filter((url) => isRefused(url, allowed)),
      [],
    )
    const refused = ['http://10.2.0.1/', 'http://other.internal/', 'http://x.hooks.internal/', 'https://[fd00::8]/']
    assert.deepEqual(
      refused.filter((url) => !isRefused(url, allowed)),
      [],
    )
  })
})

describe('a connection to an endpoint', () => {
  let receiver: Receiver
  before(async () => {
    receiver = await Receiver.open()
  })
  after(() => receiver.close())

  const portOf = (url: string): string => new URL(url).port

  it('is not made to a name with a private address alone, nor to the private one of several', async () => {
    const dns = resolverOf(['127.0.0.1', '169.254.169.254'])
    const poster = createPoster({ guard: createAddressGuard([], dns.resolve) })
    const answer = await poster.post(`https://rebound.example:${portOf(receiver.url)}/`, request)
    assert.match(answer.error ?? '', /private or reserved network/)
    const found = await new Promise((found) => {
      const guard = createAddressGuard([], resolverOf(['10.0.0.1', '93.184.215.14']).resolve)
      guard.lookup('mixed.example', { all: true }, (_, addresses) => found(addresses))
    })
    assert.deepEqual(found, [{ address: '93.184.215.14', family: 4 }])
    poster.close()
  })

  it('goes to the address that was checked: a name that then points elsewhere is not asked again', async () => {
    // Public at the first question and private at the next, as an attacker’s name server answers.
    const dns = resolverOf(['93.184.215.14'], ['127.0.0.1'])
    const guard = createAddressGuard([], dns.resolve)
    const poster = createPoster({ guard, timeoutMs: 300 })
    const answer = await poster.post(`https://rebound.example:${portOf(receiver.url)}/`, request)
    assert.equal(answer.status, null)
    assert.deepEqual(dns.asked, ['rebound.example'])
    // The next connection asks, and is refused.
    assert.match(
      (await poster.post(`https://rebound.example:${portOf(receiver.url)}/`, request)).error ?? '',
      /private/,
    )
    assert.equal(receiver.received.length, 0)
    poster.close()
  })

  it('is made to an internal target that is listed', async () => {
    const dns = resolverOf(['127.0.0.1'])
    const poster = createPoster({ guard: createAddressGuard(['hooks.internal'], dns.resolve) })
    receiver.respond = (response) => response.end('ok')
    const event = { id: 'msg_1', type: 'endpoint.test', apiVersion: '2026-12', createdAt: new Date().toISOString() }
    const body = JSON.stringify({ ...event, project: 'default', data: {} })
    const url = `http://hooks.internal:${portOf(receiver.url)}/hooks`
    const answer = await poster.post(url, { headers: {}, body })
    assert.deepEqual([answer.status, answer.body], [200, 'ok'])
    poster.close()
  })
})
