import assert from 'node:assert/strict'
import { replayEvents } from '../../src/db/replay.ts'
import { store } from '../db/stored.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { type Instance, isAllApplied, Lifecycles, opensCounted, opensOf, startInstance } from './instance.ts'

describe('events that are replayed', () => {
  let database: TestDatabase
  let lifecycles: Lifecycles
  let instance: Instance
  let stopWorker: () => Promise<void>

  before(async () => {
    database = await testDatabase()
    lifecycles = new Lifecycles(await testTemporal())
    stopWorker = await lifecycles.startWorker(database.url)
    instance = startInstance(database.url, lifecycles.lives)
  })
  after(async () => {
    await instance.close()
    await stopWorker()
    await lifecycles.close()
    await database.drop()
  })

  it('are applied when they were quarantined, and count once however often they are replayed', async () => {
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
