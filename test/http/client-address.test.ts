import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { clientAddressOf } from '../../src/http/client-address.ts'

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage

describe('the address of a client', () => {
  it('is the one that the outermost trusted proxy was called from, whatever the client wrote before it', () => {
    const behindTwo = request('10.0.0.2', 'invented, 203.0.113.7, 10.0.0.9')
    assert.equal(clientAddressOf(behindTwo, 2), '203.0.113.7')
    assert.equal(clientAddressOf(behindTwo, 1), '10.0.0.9')
    assert.equal(clientAddressOf(request('10.0.0.2', '203.0.113.7'), 2), '203.0.113.7')
  })

  it('is the peer’s without trusted proxies, without the header, and from a public address', () => {
    assert.equal(clientAddressOf(request('10.0.0.2', '203.0.113.7'), 0), '10.0.0.2')
    assert.equal(clientAddressOf(request('10.0.0.2'), 1), '10.0.0.2')
    assert.equal(clientAddressOf(request('198.51.100.1', '203.0.113.7'), 1), '198.51.100.1')
  })

  it('is a whole network for IPv6, of which one client has all', () => {
    assert.equal(clientAddressOf(request('2001:db8:1:2:3:4:5:6'), 1), '2001:db8:1:2')
  })
})
