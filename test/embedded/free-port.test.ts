import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { anyFreePort, freePort } from '../../src/embedded/free-port.ts'
import { ConfigurationError } from '../../src/errors.ts'

describe('freePort', () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    it(`is the preferred one, and another while a server listens there on ${host}`, async () => {
      const preferred = await anyFreePort()
      assert.equal(await freePort(preferred), preferred)
      const otherServer = createServer().listen(preferred, host)
      await once(otherServer, 'listening')
      assert((await freePort(preferred)) > preferred)
      otherServer.close()
    })
  }

  it('is none of the reserved ones', async () => {
    const preferred = await anyFreePort()
    assert.notEqual(await freePort(preferred, '127.0.0.1', new Set([preferred])), preferred)
  })

  it('fails for a host that is no address of this machine', () =>
    assert.rejects(freePort(3_000, '192.0.2.1'), ConfigurationError))
})
