import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { ConfigurationError } from '../../src/errors.ts'
import { anyFreePort, freePort } from '../../src/local/free-port.ts'

describe('freePort', () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    it(`is the preferred one, and another when somebody listens there on ${host}`, async () => {
      const preferred = await anyFreePort()
      assert.equal(await freePort(preferred), preferred)
      const squatter = createServer().listen(preferred, host)
      await once(squatter, 'listening')
      assert((await freePort(preferred)) > preferred)
      squatter.close()
    })
  }

  it('is none that is promised to somebody else', async () => {
    const preferred = await anyFreePort()
    assert.notEqual(await freePort(preferred, '127.0.0.1', new Set([preferred])), preferred)
  })

  it('says so when the host is none of this machine', () =>
    assert.rejects(freePort(3_000, '192.0.2.1'), ConfigurationError))
})
