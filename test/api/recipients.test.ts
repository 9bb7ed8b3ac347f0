import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, serve, useApi } from './served.ts'

describe('the erasure of a recipient by the API', () => {
  const database = useDatabase()
  const { db } = database
  const served = useApi(() => ({ db }))

  it('erases a recipient however the address is written, and checks still find it suppressed', async () => {
    await addManualSuppression(db, 'default', 'ada@example.com')
    await store(db, { id: 'a' })
    await db.event.updateMany({ data: { appliedAt: new Date() } })
    const response = await served.call('DELETE', '/v1/recipients/ADA%40example.com')
    assert.equal(response.status, 200)
    const counts = { emails: 0, events: 1, suppressions: 1, pending: 0 }
    assert.deepEqual(await response.json(), { ...counts, complete: true })
    const asked = (await (await served.call('GET', '/v1/suppressions/ada@example.com')).json()) as {
      suppressed: boolean
    }
    assert.equal(asked.suppressed, true)
    const list = await (await served.call('GET', '/v1/suppressions')).text()
    assert.match(list, /"address":null,.*"erased":true/)
    assert.doesNotMatch(list + (await (await served.call('GET', '/v1/suppressions/export')).text()), /ada|hmac/)
    assert.doesNotMatch(served.logged.join(), /ada@/)
  })

  it('takes the address in the body too, where no access log has it', async () => {
    await store(db, { id: 'b', recipient: 'bob@example.com', to: ['bob@example.com'] })
    await db.event.updateMany({ data: { appliedAt: new Date() } })
    const response = await served.call('POST', '/v1/recipients/erase', { address: 'BOB@example.com' })
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), { emails: 0, events: 1, suppressions: 0, pending: 0, complete: true })
    assert.equal((await served.call('POST', '/v1/recipients/erase', { address: 'nobody' })).status, 400)
  })

  it('refuses an invalid address, and any erasure without ERASURE_KEY', async () => {
    assert.equal((await served.call('DELETE', '/v1/recipients/nobody')).status, 400)
    const keyless = createDatabase({ url: database.url })
    const without = await serve({ db: keyless })
    const response = await without.call('DELETE', '/v1/recipients/ada@example.com')
    assert.match((await problemIn(response)).detail, /ERASURE_KEY/)
    await without.stop()
    await keyless.$disconnect()
  })
})
