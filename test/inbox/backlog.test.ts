import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { insertEvents } from '../../src/db/events.ts'
import { receivedEvent } from '../received-event.ts'
import { testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { isAllApplied, Lifecycles, startInstance } from './instance.ts'

const backlog = 200
const window = 50

describe('a backlog in the inbox', () => {
  const database = useDatabase()
  let lifecycles: Lifecycles

  before(async () => {
    lifecycles = new Lifecycles(await testTemporal())
  })
  after(() => lifecycles.close())

  it('is signalled no further ahead of the workers than the window, so that new events need not wait behind it', async () => {
    const { db, url } = database
    const run = randomUUID()
    const applied = () => db.event.count({ where: { appliedAt: { not: null } } })
    await insertEvents(
      db,
      Array.from({ length: backlog }, (_, n) => receivedEvent({ emailId: `${run}:${n}`, id: `${run}:${n}` })),
      () => false,
    )
    const instance = startInstance(url, lifecycles.emailWorkflows, 20, window)
    const stopWorker = await lifecycles.startWorker(url)
    let maxAhead = 0
    await until(async () => {
      maxAhead = Math.max(maxAhead, instance.signalled.length - (await applied()))
      return (await applied()) > backlog / 2
    }, 60_000)
    console.log(`      signals ran at most ${maxAhead} events ahead`)
    assert.ok(maxAhead <= window, `signals ran ${maxAhead} events ahead`)
    await until(() => isAllApplied(db), 60_000)
    await instance.close()
    await stopWorker()
  })
})
