import assert from 'node:assert/strict'
import { createAddressGuard } from '../../src/endpoints/address-guard.ts'
import { createPoster, type Poster } from '../../src/endpoints/poster.ts'
import { Receiver } from './receiver.ts'

describe('a posted webhook', () => {
  let receiver: Receiver
  let poster: Poster
  before(async () => {
    receiver = await Receiver.open()
    poster = createPoster({ guard: createAddressGuard(['127.0.0.1']), timeoutMs: 400 })
  })
  after(() => {
    poster.close()
    receiver.close()
  })

  const event = { id: 'msg_1', type: 'endpoint.test', apiVersion: '2026-12', createdAt: '2026-12-01T00:00:00.000Z' }
  const signed = {
    headers: { 'webhook-id': 'msg_1' },
    body: JSON.stringify({ ...event, project: 'default', data: {} }),
  }
  const post = () => poster.post(receiver.url, signed)

  it('is answered with the status, Retry-After and the first kilobyte of the body', async () => {
    receiver.answer(429, { 'retry-after': '7' }, 'ä'.repeat(5_000))
    const { status, retryAfter, body, error } = await post()
    assert.deepEqual([status, retryAfter, error], [429, '7', null])
    assert.equal(body, 'ä'.repeat(512))
  })

  it('does not store an address that the receiver repeats', async () => {
    receiver.answer(400, {}, '{"error":"unknown user ada@example.com","to":["grace@example.org"]}')
    assert.equal((await post()).body, '{"error":"unknown user (address)","to":["(address)"]}')
  })

  it('follows no redirect', async () => {
    const before = receiver.received.length
    receiver.answer(307, { location: receiver.url })
    assert.equal((await post()).status, 307)
    assert.equal(receiver.received.length, before + 1)
  })

  it('ends without an answer when its time is over, or nobody listens', async () => {
    receiver.respond = () => {}
    assert.equal((await post()).error, 'no answer within 0.4 seconds')
    const nobody = await Receiver.open()
    const { url } = nobody
    nobody.close()
    assert.equal((await poster.post(url, signed)).error, 'the connection failed (ECONNREFUSED)')
  })

  it('is answered by its status if the body never ends', async () => {
    receiver.respond = (response) => void response.writeHead(200).write('so far')
    const { status, body } = await post()
    assert.deepEqual([status, body], [200, 'so far'])
  })

  it('is sent again if the receiver closed the idle connection meanwhile', async () => {
    receiver.accept()
    await post()
    let isFirst = true
    receiver.respond = (response) => {
      if (isFirst) response.socket?.resetAndDestroy()
      else response.writeHead(204).end()
      isFirst = false
    }
    assert.equal((await post()).status, 204)
  })
})
