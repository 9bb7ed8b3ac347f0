import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ExportActivities } from '../../src/activities/scheduled-activities.ts'
import type { WorkerActivities } from '../../src/activities/worker-activities.ts'
import { connectWorker, createTemporalClient } from '../../src/temporal/connection.ts'
import { exportJob } from '../../src/temporal/scheduled-jobs.ts'
import { ensureSchedules } from '../../src/temporal/schedules.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { quietTemporalRuntime } from '../quiet.ts'
import { testTemporal } from '../stack.ts'
import { until } from '../until.ts'

describe('the workflow that exports data', () => {
  it('is started by its schedule at once, and calls its activity until nothing is left', async () => {
    quietTemporalRuntime()
    const target = { address: await testTemporal(), namespace: 'default', security: {} }
    const id = `export-${randomUUID()}`
    let calls = 0
    const activities: ExportActivities = {
      async exportNext() {
        calls += 1
        return { events: 2, emails: calls, hasMore: calls < 3 }
      },
    }
    const connection = await connectWorker(target)
    const worker = await createLifecycleWorker({
      ...{ connection, namespace: 'default', taskQueue: id },
      activities: activities as unknown as WorkerActivities,
    })
    const client = createTemporalClient(target)
    await worker.runUntil(async () => {
      await ensureSchedules(client, [{ ...exportJob, id }], id)
      const schedule = client.schedule.getHandle(id)
      const started = async () => (await schedule.describe()).info.recentActions[0]?.action.workflow.workflowId
      await until(async () => (await started()) !== undefined)
      assert.deepEqual(await client.workflow.getHandle(String(await started())).result(), { events: 6, emails: 6 })
      await schedule.delete()
    })
    await connection.close()
    await client.connection.close()
  })
})
