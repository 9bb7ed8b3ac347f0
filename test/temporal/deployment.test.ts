import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { createActivities } from '../../src/activities/create-activities.ts'
import type { Database } from '../../src/db/database.ts'
import { connectWorker, createTemporalClient } from '../../src/temporal/connection.ts'
import { takeOver, thisBuildId } from '../../src/temporal/deployment.ts'
import { createTemporalLives } from '../../src/temporal/temporal-lives.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { quietMetrics } from '../api/served.ts'
import { startWholeSystem } from '../browser/whole-system.ts'
import { type Instance, isAllApplied, opensCounted, opensOf, startInstance } from '../inbox/instance.ts'
import { quietTemporalRuntime } from '../quiet.ts'
import { ownTemporal, type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'

const hourMs = 3_600_000
const policy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  engagementWindowMs: hourMs,
  giveUpAfterMs: hourMs,
}

/** Which builds carried out the workflow tasks of a life, in order. A task is completed a little after what it has applied. */
async function buildsOf(client: Client, workflowId: string): Promise<string[]> {
  let builds: string[] = []
  await until(async () => {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
    builds = (events ?? []).flatMap(
      (event) => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId ?? [],
    )
    return builds.length > 0
  })
  return builds
}

describe('builds of the workflow code', function () {
  this.timeout(120_000)
  let database: TestDatabase
  let client: Client
  let address: string
  let instance: Instance
  const taskQueue = `builds-${randomUUID()}`
  const name = 'aftersend-test'

  before(async () => {
    quietTemporalRuntime()
    database = await testDatabase()
    address = (await ownTemporal()).address
    client = createTemporalClient({ address, namespace: 'default', security: {} })
    instance = startInstance(database.url, createTemporalLives({ client, taskQueue, policy }))
  })
  after(async () => {
    await instance.close()
    await client.connection.close()
    await database.drop()
  })

  const startBuild = async (db: Database, buildId: string) => {
    const connection = await connectWorker({ address, namespace: 'default', security: {} })
    const activities = createActivities({ db, channels: [], providerApis: new Map(), metrics: quietMetrics() })
    const deployment = { name, buildId }
    const worker = await createLifecycleWorker({ connection, namespace: 'default', taskQueue, activities, deployment })
    const running = worker.run()
    let outcome: string | null = null
    await until(async () => {
      outcome = await takeOver(client, deployment).catch(() => null)
      return outcome !== null
    })
    return {
      outcome,
      async stop() {
        worker.shutdown()
        await running
        await connection.close()
      },
    }
  }
  it('hand over under load: the new one takes over by itself, no life is stuck, and nothing counts twice', async () => {
    const { db } = database
    const older = await startBuild(db, 'build-1')
    assert.equal(older.outcome, 'current')
    const events = opensOf('roll', 30, 600)
    const append = (from: number, to: number) => instance.inbox.append(events.slice(from, to))
    for (let at = 0; at < 200; at += 50) await append(at, at + 50)
    await until(() => isAllApplied(db))
    await append(200, 300)
    const newer = await startBuild(db, 'build-2')
    assert.equal(newer.outcome, 'current')
    await append(300, 450)
    await older.stop()
    await append(450, 600)
    await until(() => isAllApplied(db), 60_000)
    assert.equal(await opensCounted(db), 600)
    await until(async () => (await buildsOf(client, 'email/aisend/roll:0')).at(-1) === 'build-2')
    assert.equal((await buildsOf(client, 'email/aisend/roll:0'))[0], 'build-1')

    // The older one comes back, as after a crash: it takes nothing, and takes nothing over.
    const returned = await startBuild(db, 'build-1')
    assert.equal(returned.outcome, 'older')
    await instance.inbox.append(opensOf('late', 10, 50))
    await until(() => isAllApplied(db), 60_000)
    assert.deepEqual([...new Set(await buildsOf(client, 'email/aisend/late:0'))], ['build-2'])
    await returned.stop()
    await newer.stop()
  })

  it('need nobody to make the first of them current', async () => {
    const { address: temporalAddress } = await ownTemporal()
    const system = await startWholeSystem({ env: { WORKER_DEPLOYMENT: 'aftersend' }, temporalAddress })
    try {
      await system.webhook('delivered', 'em_first', { to: 'ada@example.com' })
      await until(() => isAllApplied(system.db), 60_000)
      const target = { address: temporalAddress, namespace: 'default', security: {} }
      const own = createTemporalClient(target)
      const builds = await buildsOf(own, 'email/aisend/em_first')
      await own.connection.close()
      assert.deepEqual([...new Set(builds)], [thisBuildId()])
    } finally {
      await system.stop()
    }
  })

  it('are named by the release and by what the workflow code says, the same at every start', () => {
    assert.match(thisBuildId(), /^\d+\.\d+\.\d+-[0-9a-f]{12}$/)
    assert.equal(thisBuildId(), thisBuildId())
  })
})
