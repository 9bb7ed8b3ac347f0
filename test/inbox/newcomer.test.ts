import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { insertEvents } from '../../src/db/events.ts'
import { expireLeases } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { isAllApplied, Lifecycles, startInstance } from './instance.ts'

const backlog = 600

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

  it('does not have what comes meanwhile wait for all of it', async () => {
    const { db, url } = database
    const run = randomUUID()
    const applied = (where: object = {}) => db.event.count({ where: { ...where, appliedAt: { not: null } } })
    await insertEvents(
      db,
      Array.from({ length: backlog }, (_, n) => receivedEvent({ emailId: `${run}:${n}`, id: `${run}:${n}` })),
    )
    await expireLeases(db)
    const instance = startInstance(url, lifecycles.lives)
    const stopWorker = await lifecycles.startWorker(url)
    await until(async () => (await applied()) > backlog / 10, 60_000)
    const newcomer = `${run}:newcomer`
    await instance.inbox.append([receivedEvent({ emailId: newcomer, id: newcomer })])
    await until(async () => (await applied({ eventId: newcomer })) === 1, 60_000)
    const left = backlog + 1 - (await applied())
    assert.ok(left > backlog / 4, `it came after all but ${left}`)
    await until(() => isAllApplied(db), 60_000)
    await instance.close()
    await stopWorker()
  })
})
