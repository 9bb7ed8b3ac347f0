import assert from 'node:assert/strict'
import { pino } from 'pino'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createRecurringActivities } from '../../src/activities/create-recurring-activities.ts'
import { readConfig } from '../../src/config.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { createTemporalIncidents } from '../../src/temporal/incidents.ts'
import { keepWorker } from '../../src/temporal/keep-worker.ts'
import { createTemporalLives } from '../../src/temporal/temporal-lives.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { quietMetrics } from '../api/served.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { startInstance } from '../inbox/instance.ts'
import { quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemporal, testDatabase } from '../stack.ts'
import { until } from '../until.ts'

describe('a kept worker', function () {
  this.timeout(120_000)

  it('is replaced each time that Temporal is back from an outage, works on, and leaves nothing behind', async () => {
    quietTemporalRuntime()
    const database = await testDatabase()
    const { db } = database
    const { address } = await ownTemporal()
    const proxy = await FaultProxy.to(Number(address.split(':')[1]))
    const { policy, alarms } = readConfig({})
    const client = createTemporalClient({ address, namespace: 'default', security: {} })
    const lives = createTemporalLives({ client, taskQueue, policy })
    const incidents = createTemporalIncidents({ client, taskQueue, policy })
    const told: string[] = []
    const log = pino({ level: 'info' }, { write: (line) => void told.push(JSON.parse(line).msg) })
    const worker = keepWorker({
      target: { address: `127.0.0.1:${proxy.port}`, namespace: 'default', security: {} },
      activities: {
        ...createActivities({ db, channels: [], providerApis: new Map(), metrics: quietMetrics() }),
        ...createRecurringActivities({ db, lives, policy, alarms, incidents }),
      },
      recurringWork: [],
      log,
      tracing: null,
      deployment: null,
    })
    const instance = startInstance(database.url, lives)
    const times = (word: RegExp) => told.filter((line) => word.test(line)).length
    const appliedAfter = async (id: string) => {
      await instance.inbox.append([receivedEvent({ id, emailId: id })])
      await until(async () => (await db.event.count({ where: { eventId: id, appliedAt: { not: null } } })) === 1)
    }
    await worker.whenRunning
    await appliedAfter('before')
    const connections = proxy.connections
    for (const outage of [1, 2]) {
      // Alternately a server that is not there, and one that never answers.
      if (outage % 2 === 1) proxy.refuse()
      else proxy.hold()
      await until(async () => times(/is away/) === outage)
      await proxy.mend()
      await until(async () => times(/is back/) === outage && worker.isRunning())
      await appliedAfter(`after_${outage}`)
    }
    await until(async () => proxy.connections <= connections)
    await worker.stop()
    assert.equal(worker.isRunning(), false)
    await until(async () => proxy.connections === 0)
    await instance.close()
    await client.connection.close()
    await database.drop()
  })
})
