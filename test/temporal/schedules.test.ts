import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { createTemporalClient, type TemporalTarget } from '../../src/temporal/connection.ts'
import { runPeriodically } from '../../src/temporal/periodic-task.ts'
import { ensureSchedules, type ScheduledJob } from '../../src/temporal/schedules.ts'
import { quietLog } from '../quiet.ts'
import { testTemporal } from '../stack.ts'
import { until } from '../until.ts'

describe('schedules', () => {
  let target: TemporalTarget
  let client: Client
  let job: ScheduledJob
  before(async () => {
    target = { address: await testTemporal(), namespace: 'default', security: {} }
    client = createTemporalClient(target)
  })
  beforeEach(() => {
    const id = `schedule-${randomUUID()}`
    job = { id, summary: 'for a test', workflow: 'wakeOverdueLives', args: [{ graceMs: 0 }], everyMs: 3_600_000 }
  })
  afterEach(() => client.schedule.getHandle(job.id).delete())
  after(() => client.connection.close())

  const described = () => client.schedule.getHandle(job.id).describe()

  it('are created once, however many workers ensure them at the same moment', async () => {
    let done = 0
    const ensure = async (each: Client) => {
      await ensureSchedules(each, [job])
      done += 1
    }
    const options = { name: 'schedules', everyMs: 60_000, retryMs: 50, log: quietLog }
    const workers = Array.from({ length: 8 }, () => runPeriodically(target, options, ensure))
    await until(async () => done === workers.length)
    await Promise.all(workers.map((worker) => worker.close()))
    const { spec, action } = await described()
    assert.equal(spec.intervals?.[0]?.every, job.everyMs)
    assert.equal(action.workflowType, 'wakeOverdueLives')
    assert.deepEqual(action.args, [{ graceMs: 0 }])
  })

  it('are updated when their job changes', async () => {
    await ensureSchedules(client, [job])
    await ensureSchedules(client, [{ ...job, everyMs: 60_000, args: [{ graceMs: 7 }] }])
    const { spec, action } = await described()
    assert.equal(spec.intervals?.[0]?.every, 60_000)
    assert.deepEqual(action.args, [{ graceMs: 7 }])
  })

  it('stay paused', async () => {
    await ensureSchedules(client, [job])
    await client.schedule.getHandle(job.id).pause('for a while')
    await ensureSchedules(client, [job])
    const { state } = await described()
    assert.deepEqual([state.paused, state.note], [true, 'for a while'])
  })

  it('start their workflow on its task queue, with its arguments', async () => {
    await ensureSchedules(client, [job], 'a-queue-of-its-own')
    const schedule = client.schedule.getHandle(job.id)
    await schedule.trigger()
    const started = async () => (await schedule.describe()).info.recentActions.map(({ action }) => action.workflow)
    await until(async () => (await started()).length === 1)
    const [workflow] = await started()
    assert.ok(workflow)
    assert.ok(workflow.workflowId.startsWith(job.id))
    const handle = client.workflow.getHandle(workflow.workflowId)
    const { taskQueue, type } = await handle.describe()
    assert.deepEqual([taskQueue, type], ['a-queue-of-its-own', 'wakeOverdueLives'])
    await handle.terminate()
  })
})
