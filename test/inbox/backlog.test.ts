import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { insertEvents } from '../../src/db/events.ts'
import { expireLeases } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { isAllApplied, Lifecycles, startInstance } from './instance.ts'

const backlog = 1_000

describe('a backlog in the inbox', () => {
  let database: TestDatabase
  let lifecycles: Lifecycles

  before(async () => {
    database = await testDatabase()
    lifecycles = new Lifecycles(await testTemporal())
  })
  after(async () => {
    await lifecycles.close()
    await database.drop()
  })

  it('is signalled only as fast as workers apply it: what comes meanwhile is not behind all of it', async () => {
    const { db, url } = database
    const run = randomUUID()
    const applied = () => db.event.count({ where: { appliedAt: { not: null } } })
    await insertEvents(
      db,
      Array.from({ length: backlog }, (_, n) => receivedEvent({ emailId: `${run}:${n}`, id: `${run}:${n}` })),
    )
    await expireLeases(db)
    const instance = startInstance(url, lifecycles.lives)
    const stopWorker = await lifecycles.startWorker(url)
    let furthest = 0
    await until(async () => {
      furthest = Math.max(furthest, instance.signalled.length - (await applied()))
      return (await applied()) > backlog / 2
    }, 60_000)
    console.log(`      signals ran at most ${furthest} ahead`)
    assert.ok(furthest < backlog / 4, `signals ran ${furthest} ahead`)
    await until(() => isAllApplied(db), 60_000)
    await instance.close()
    await stopWorker()
  })
})
