import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createScheduledActivities } from '../../src/activities/create-scheduled-activities.ts'
import { readConfig } from '../../src/config.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { noEndpointWorkflows } from '../../src/temporal/endpoints.ts'
import { createTemporalIncidents } from '../../src/temporal/incidents.ts'
import { type ManagedWorker, runWorker } from '../../src/temporal/run-worker.ts'
import { scheduledJobs } from '../../src/temporal/scheduled-jobs.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { quietMetrics } from '../api/served.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { startInstance } from '../inbox/instance.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'

const { policy, alarms, retention } = readConfig({})

describe('a managed worker', function () {
  this.timeout(180_000)
  const database = useDatabase()
  let client: Client
  let proxy: FaultProxy

  before(async () => {
    quietTemporalRuntime()
    const { address } = await ownTemporal()
    client = createTemporalClient({ address, namespace: 'default', security: {} })
    proxy = await FaultProxy.to(Number(address.split(':')[1]))
  })
  after(async () => {
    proxy.close()
    await client.connection.close()
  })
  afterEach(() => proxy.restore())

  const start = (namespace = 'default'): ManagedWorker => {
    const { db } = database
    const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue, policy })
    const incidents = createTemporalIncidents({ client, taskQueue, policy })
    return runWorker({
      target: { address: `127.0.0.1:${proxy.port}`, namespace, security: {} },
      activities: {
        ...createActivities({ db, channels: [], providerApis: new Map(), metrics: quietMetrics() }),
        ...createScheduledActivities({
          db,
          emailWorkflows,
          policy,
          alarms,
          incidents,
          startReconcile: async () => false,
          channels: [],
          endpointWorkflows: noEndpointWorkflows,
          mailServers: null,
          retention,
        }),
      },
      scheduledJobs,
      log: quietLog,
      tracing: null,
      deployment: null,
    })
  }

  const scheduleIds = async (): Promise<string[]> => {
    const ids: string[] = []
    for await (const { scheduleId } of client.schedule.list()) ids.push(scheduleId)
    return ids.toSorted()
  }

  it('waits for Temporal at its start, continues after outages, and closes its connections', async () => {
    const { db } = database
    const instance = startInstance(database.url, createTemporalEmailWorkflows({ client, taskQueue, policy }))
    const applies = async (id: string) => {
      await instance.inbox.append([receivedEvent({ id, emailId: id })])
      await until(
        async () => (await db.event.count({ where: { eventId: id, appliedAt: { not: null } } })) === 1,
        60_000,
      )
    }
    proxy.refuse()
    const worker = start()
    assert.equal(worker.isRunning(), false)
    await proxy.restore()
    await worker.whenRunning
    await applies('at first')
    for (const outage of ['refuse', 'hold'] as const) {
      const { connections } = proxy
      proxy[outage]()
      if (outage === 'refuse') await until(() => proxy.connections < connections)
      await proxy.restore()
      await applies(`after ${outage}`)
      assert.equal(worker.isRunning(), true)
    }
    const expected = scheduledJobs.map(({ id }) => id)
    await until(async () => (await scheduleIds()).join() === expected.toSorted().join(), 60_000)
    await worker.stop()
    assert.equal(worker.isRunning(), false)
    await until(() => proxy.connections === 0)
    await instance.close()
  })

  it('is started again until Temporal has the namespace', async () => {
    const namespace = `later-${randomUUID()}`
    const worker = start(namespace)
    let isRunning = false
    void worker.whenRunning.then(() => {
      isRunning = true
    })
    const { connections } = proxy
    await until(() => proxy.connections > connections)
    assert.equal(isRunning, false)
    await client.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    })
    await until(() => isRunning && worker.isRunning(), 60_000)
    await worker.stop()
  })
})
