import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import type { Client } from '@temporalio/client'
import { pino } from 'pino'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createScheduledActivities } from '../../src/activities/create-scheduled-activities.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import { readConfig } from '../../src/config.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { thisBuildId } from '../../src/temporal/deployment.ts'
import { noEndpointWorkflows } from '../../src/temporal/endpoints.ts'
import { createTemporalIncidents } from '../../src/temporal/incidents.ts'
import { runWorker } from '../../src/temporal/run-worker.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { quietMetrics } from '../api/served.ts'
import { startWholeSystem } from '../browser/whole-system.ts'
import { type Instance, isAllApplied, opensCounted, opensOf, startInstance } from '../inbox/instance.ts'
import { quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'

const { alarms } = readConfig({})
const hourMs = 3_600_000
const policy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  lingerAfterSettledMs: hourMs,
  giveUpAfterMs: hourMs,
}

/** The builds that completed an email's workflow tasks, in order. A task completes shortly after its events are applied. */
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

async function run(temporalAddress: string, ...args: string[]) {
  let [out, failure] = ['', '']
  const context = {
    env: { TEMPORAL_ADDRESS: temporalAddress, WORKER_DEPLOYMENT: 'aftersend' },
    print: (text: string) => {
      out += text
    },
    output: new PassThrough(),
    progress: process.stderr,
    stdin: Readable.from([]),
    signal: new AbortController().signal,
  }
  const code = await runCommandLine(['deployment', ...args], context, (why) => {
    failure += why
  })
  return { code, out, failure }
}

describe('builds of the workflow code', function () {
  this.timeout(180_000)
  const database = useDatabase()
  let client: Client
  let address: string
  let instance: Instance

  before(async () => {
    quietTemporalRuntime()
    address = (await ownTemporal()).address
    client = createTemporalClient({ address, namespace: 'default', security: {} })
    instance = startInstance(database.url, createTemporalEmailWorkflows({ client, taskQueue, policy }))
  })
  after(async () => {
    await instance.close()
    await client.connection.close()
  })

  /** Starts a worker as main does, with this build ID, and waits until it has logged its routing. */
  async function startBuild(buildId: string) {
    const { db } = database
    const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue, policy })
    const incidents = createTemporalIncidents({ client, taskQueue, policy })
    const messages: string[] = []
    const worker = runWorker({
      target: { address, namespace: 'default', security: {} },
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
          retention: readConfig({}).retention,
        }),
      },
      scheduledJobs: [],
      log: pino({ level: 'info' }, { write: (line) => void messages.push(JSON.parse(line).msg) }),
      tracing: null,
      deployment: { name: 'aftersend', buildId },
    })
    await until(() => messages.length > 0, 60_000)
    return { messages, stop: () => worker.stop() }
  }

  /** Waits until the change has reached all partitions of the task queue: then new emails run on this build. */
  async function untilNewEmailsRunOn(buildId: string, run: string): Promise<void> {
    for (let n = 0; ; n += 1) {
      const id = `${run}-${n}`
      await instance.inbox.append([receivedEvent({ id, emailId: id })])
      await until(() => isAllApplied(database.db), 60_000)
      if ((await buildsOf(client, `email/aisend/${id}`))[0] === buildId) return
    }
  }

  it('run workflows once promoted, also by a percentage, and a rollback survives restarts', async () => {
    const { db } = database
    const older = await startBuild('build-1')
    assert.match(older.messages[0] ?? '', /^no build of deployment aftersend is current.*promote build-1$/)
    const unknown = await run(address, 'promote', 'build-0')
    assert.deepEqual([unknown.code, /no build build-0.*Known: build-1/.test(unknown.failure)], [2, true])
    assert.equal((await run(address)).code, 1)
    assert.equal((await run(address, 'promote', 'build-1')).code, 0)
    const events = opensOf('roll', 30, 600)
    const append = (from: number, to: number) => instance.inbox.append(events.slice(from, to))
    for (let at = 0; at < 200; at += 50) await append(at, at + 50)
    await until(() => isAllApplied(db), 60_000)

    // A newer build's worker takes no task before it is promoted.
    let newer = await startBuild('build-2')
    assert.match(newer.messages[0] ?? '', /^workflows run on build build-1.*promote build-2$/)
    assert.equal((await run(address, 'promote', 'build-2', '--ramp', '25%')).code, 0)
    const { current, ramping } = JSON.parse((await run(address, 'list', '--json')).out)
    assert.deepEqual([current, ramping], ['build-1', { buildId: 'build-2', percentage: 25 }])

    // Promoted under load: every workflow moves, and no event counts twice.
    await append(200, 300)
    assert.equal((await run(address, 'promote', 'build-2')).code, 0)
    await append(300, 450)
    await until(async () => older.messages.at(-1)?.startsWith('workflows run on build build-2') ?? false)
    await append(450, 600)
    await until(() => isAllApplied(db), 60_000)
    assert.equal(await opensCounted(db), 600)
    await untilNewEmailsRunOn('build-2', 'promoted')
    assert.equal((await buildsOf(client, 'email/aisend/roll:0'))[0], 'build-1')

    // Rolled back; then the newer build's worker restarts, as after a crash.
    assert.equal((await run(address, 'promote', 'build-1')).code, 0)
    await untilNewEmailsRunOn('build-1', 'rolled-back')
    await newer.stop()
    newer = await startBuild('build-2')
    assert.match(newer.messages[0] ?? '', /^workflows run on build build-1/)
    const late = opensOf('late', 10, 50)
    await instance.inbox.append(late)
    await until(() => isAllApplied(db), 60_000)
    for (let n = 0; n < 10; n += 1) {
      assert.deepEqual([...new Set(await buildsOf(client, `email/aisend/late:${n}`))], ['build-1'])
    }
    assert.match((await run(address)).out, /^current +build-1/m)
    await Promise.all([older.stop(), newer.stop()])
  })

  it('are promoted as `this` after a first start, and no earlier event is lost', async () => {
    const { address: temporalAddress } = await ownTemporal()
    const system = await startWholeSystem({ env: { WORKER_DEPLOYMENT: 'aftersend' }, temporalAddress })
    try {
      await system.webhook('delivered', 'em_first', { to: 'ada@example.com' })
      await until(async () => (await run(temporalAddress, 'promote', 'this')).code === 0)
      await until(() => isAllApplied(system.db), 60_000)
      const own = createTemporalClient({ address: temporalAddress, namespace: 'default', security: {} })
      const builds = await buildsOf(own, 'email/aisend/em_first')
      await own.connection.close()
      assert.deepEqual([...new Set(builds)], [thisBuildId()])
    } finally {
      await system.stop()
    }
  })

  it('are not promoted if Temporal does not answer, or by an invalid command', async () => {
    const unreachable = await run('127.0.0.1:9', 'promote', 'this')
    assert.deepEqual([unreachable.code, /does not answer/.test(unreachable.failure)], [2, true])
    const invalid = await run(address, 'promote', 'this', '--ramp', 'ten')
    assert.deepEqual([invalid.code, /--ramp must be/.test(invalid.failure)], [2, true])
  })

  it('are named by the release and a hash of the workflow code, the same at every start', () => {
    assert.match(thisBuildId(), /^\d+\.\d+\.\d+-[0-9a-f]{12}$/)
    assert.equal(thisBuildId(), thisBuildId())
  })
})
