import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { ensureSchedules, type RecurringWork } from '../../src/temporal/schedules.ts'
import { testTemporal } from '../stack.ts'
import { until } from '../until.ts'

describe('schedules', () => {
  let client: Client
  let work: RecurringWork
  before(async () => {
    client = createTemporalClient({ address: await testTemporal(), namespace: 'default', security: {} })
  })
  beforeEach(() => {
    const id = `schedule-${randomUUID()}`
    work = { id, summary: 'for a test', workflow: 'wakeOverdueLives', args: [{ graceMs: 0 }], everyMs: 3_600_000 }
  })
  afterEach(() => client.schedule.getHandle(work.id).delete())
  after(() => client.connection.close())

  const described = () => client.schedule.getHandle(work.id).describe()

  it('are made once, however many workers ensure them at the same moment', async () => {
    await Promise.all(Array.from({ length: 8 }, () => ensureSchedules(client, [work])))
    const { spec, action } = await described()
    assert.equal(spec.intervals?.[0]?.every, work.everyMs)
    assert.equal(action.workflowType, 'wakeOverdueLives')
    assert.deepEqual(action.args, [{ graceMs: 0 }])
  })

  it('are brought up to date when what is asked of them changes', async () => {
    await ensureSchedules(client, [work])
    await ensureSchedules(client, [{ ...work, everyMs: 60_000, args: [{ graceMs: 7 }] }])
    const { spec, action } = await described()
    assert.equal(spec.intervals?.[0]?.every, 60_000)
    assert.deepEqual(action.args, [{ graceMs: 7 }])
  })

  it('stay paused when somebody has paused them', async () => {
    await ensureSchedules(client, [work])
    await client.schedule.getHandle(work.id).pause('for a while')
    await ensureSchedules(client, [work])
    const { state } = await described()
    assert.deepEqual([state.paused, state.note], [true, 'for a while'])
  })

  it('start their workflow on its task queue, with its arguments', async () => {
    await ensureSchedules(client, [work], 'a-queue-of-its-own')
    const schedule = client.schedule.getHandle(work.id)
    await schedule.trigger()
    const started = async () => (await schedule.describe()).info.recentActions.map(({ action }) => action.workflow)
    await until(async () => (await started()).length === 1)
    const [workflow] = await started()
    assert.ok(workflow)
    assert.ok(workflow.workflowId.startsWith(work.id))
    const handle = client.workflow.getHandle(workflow.workflowId)
    const { taskQueue, type } = await handle.describe()
    assert.deepEqual([taskQueue, type], ['a-queue-of-its-own', 'wakeOverdueLives'])
    await handle.terminate()
  })
})
