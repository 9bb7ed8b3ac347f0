import assert from 'node:assert/strict'
import { replayEvents } from '../../src/db/replay.ts'
import { store } from '../db/stored.ts'
import { testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { type Instance, isAllApplied, Lifecycles, opensCounted, opensOf, startInstance } from './instance.ts'

describe('replayed events', () => {
  const database = useDatabase()
  let lifecycles: Lifecycles
  let instance: Instance
  let stopWorker: () => Promise<void>

  before(async () => {
    lifecycles = new Lifecycles(await testTemporal())
    stopWorker = await lifecycles.startWorker(database.url)
    instance = startInstance(database.url, lifecycles.emailWorkflows)
  })
  after(async () => {
    await instance.close()
    await stopWorker()
    await lifecycles.close()
  })

  it('are applied if they were quarantined, and counted once for any number of replays', async () => {
    const { db } = database
    const opens = opensOf('replayed', 2, 10)
    await store(db, ...opens)
    await db.event.updateMany({ data: { quarantinedReason: 'SQLSTATE 22003', attempts: 10 } })
    const keys = opens.map(({ provider, id }) => ({ provider, id }))
    assert.equal((await replayEvents(db, keys)).replayed, 10)
    await Promise.all([replayEvents(db, keys), replayEvents(db, keys)])
    await until(() => isAllApplied(db))
    assert.deepEqual(await replayEvents(db, keys), { replayed: 0, skipped: 10, missing: 0 })
    assert.equal(await opensCounted(db), 10)
  })
})
