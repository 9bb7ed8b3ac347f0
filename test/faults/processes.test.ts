import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertAppliedOnce } from '../inbox/instance.ts'
import { until } from '../until.ts'
import { inForm } from './form.ts'
import { Rig } from './rig.ts'
import { startSilentProvider } from './silent-provider.ts'
import type { SystemProcess } from './system-process.ts'

/** Each victim is killed at a random moment within this time. */
const roundMs = 2_000

/** Of the system that is killed. More events only take longer to drain: some are in flight at any moment. */
const opensPerSecond = inForm({ short: 20, long: 50 })

/** As many workflow tasks a stop dropped without src/temporal/graceful-shutdown.ts. With it, most stops drop none. */
const mostDroppedTasks = 8

/** A process to kill, and to start again as a supervisor does. */
interface Victim {
  kill(): Promise<unknown>
  start(): Promise<void>
}

describe('faults: processes end', function () {
  this.timeout(inForm({ short: 120_000, long: 500_000 }))
  let rig: Rig
  let silent: Awaited<ReturnType<typeof startSilentProvider>>
  before(async () => {
    silent = await startSilentProvider()
    rig = await Rig.start({ apis: 2, workers: 2, env: silent.settings })
  })
  after(async () => {
    await rig.stop()
    silent.close()
  })

  it('killed at random moments (API, workers, PostgreSQL, Temporal): nothing is lost, nothing counted twice, and a reconcile goes on from its cursor', async () => {
    const rounds = inForm({ short: 1, long: 20 })
    const processes = [rig.apis[0], ...rig.workers].map(processVictim)
    const servers: Victim[] = [
      { kill: () => rig.postgres.kill('SIGKILL'), start: () => rig.postgres.start() },
      { kill: () => rig.temporal.kill('SIGKILL'), start: () => rig.temporal.start() },
    ]
    const provider = rig.provider(opensPerSecond, 40)
    await until(async () => (await rig.appliedCount()) > 50)
    await silent.reconcileInTheMiddle(rig)
    for (let round = 0; round < rounds; round += 1) {
      await killAll(servers, processes)
      // Each round kills a system that is working again.
      await rig.untilMoreApplied()
    }
    await provider.stop()
    const startedAt = performance.now()
    await assertAppliedOnce(rig.db, provider.acknowledged, 120_000)
    const { length: posts } = provider.answers
    console.log(
      `      ${rounds} kills of each, ${provider.acknowledged.size} events acknowledged after ${posts} posts, ` +
        `all applied ${Math.round(performance.now() - startedAt)} ms after the last`,
    )
    await silent.assertFound(rig, rounds)
    assert.equal(await rig.failedWorkflows(), 0)
  })

  it('SIGTERM under load: API and worker exit within 10 seconds, and nothing is lost', async () => {
    const provider = rig.provider(50, 40)
    await until(() => provider.acknowledged.size >= 100)
    const stopsFromMs = Date.now() - 1_000
    const stopped = `${rig.workers[0]?.pid}@${hostname()}`
    const [[api, apiMs], [worker, workerMs]] = [await timeToEnd(rig.apis[0]), await timeToEnd(rig.workers[0])]
    const acknowledgedBefore = provider.acknowledged.size
    await until(() => provider.acknowledged.size >= acknowledgedBefore + 100, 60_000)
    await Promise.all([rig.apis[0]?.start(), rig.workers[0]?.start()])
    await provider.stop()
    await assertAppliedOnce(rig.db, provider.acknowledged, 120_000)
    const timedOut = (
      await Promise.all(provider.emailIds().map(async (id) => timedOutTasks(await rig.historyOf(id), stopsFromMs)))
    ).flat()
    console.log(
      `      API ended after ${apiMs} ms, worker after ${workerMs} ms; ` +
        `${timedOut.length} workflow tasks timed out`,
    )
    assert.deepEqual([api, worker], [0, 0])
    assert.ok(timedOut.filter((worker) => worker === stopped).length < mostDroppedTasks, 'the worker dropped few')
    assert.ok(apiMs < 10_000 && workerMs < 10_000)
  })

  it('a worker is killed: its workflows continue on the other one within seconds', async () => {
    const waits: number[] = []
    const kills = inForm({ short: 1, long: 3 })
    for (let kill = 1; kill <= kills; kill += 1) {
      const provider = rig.provider(20, 40)
      // Every workflow is in the cache of one of the workers.
      await until(() => provider.acknowledged.size >= 80)
      const killedAt = Date.now()
      await rig.workers[0]?.end('SIGKILL')
      await until(() => provider.answersTo(killedAt, Date.now()).length >= 80, 60_000)
      await provider.stop()
      await assertAppliedOnce(rig.db, provider.acknowledged, 120_000)
      waits.push(await longestWaitMs(rig, killedAt - 1_000))
      if (kill < kills) await rig.workers[0]?.start()
    }
    console.log(`      killed: the longest wait of an event was ${waits.map((ms) => `${ms} ms`).join(', ')}`)
    assert.ok(Math.max(...waits) < 20_000)
  })
})

function processVictim(process: SystemProcess | undefined): Victim {
  assert.ok(process)
  return {
    kill: () => process.end('SIGKILL'),
    start: () => process.start(),
  }
}

/** Kills each at a random moment. The processes start again when the servers are back. */
async function killAll(servers: readonly Victim[], processes: readonly Victim[]): Promise<void> {
  const killLater = async (victim: Victim) => {
    await sleep(Math.random() * roundMs)
    await victim.kill()
  }
  const killed = processes.map(killLater)
  await Promise.all(servers.map((server) => killLater(server).then(() => server.start())))
  await Promise.all(processes.map((victim, n) => killed[n]?.then(() => victim.start())))
}

/** The workers of workflow tasks that timed out since a moment; empty for tasks that were not started. */
const timedOutTasks = (history: Awaited<ReturnType<Rig['historyOf']>>, sinceMs: number): string[] =>
  history.flatMap(({ workflowTaskTimedOutEventAttributes: timedOut, eventTime }) => {
    if (!timedOut || Number(eventTime?.seconds) * 1_000 < sinceMs) return []
    const started = history.find(({ eventId }) => String(eventId) === String(timedOut.startedEventId))
    return started?.workflowTaskStartedEventAttributes?.identity ?? ''
  })

async function timeToEnd(process: SystemProcess | undefined): Promise<[unknown, number]> {
  const startedAt = performance.now()
  const code = await process?.end('SIGTERM')
  return [code, Math.round(performance.now() - startedAt)]
}

/** The longest time from receipt to application, of events received since a moment. */
async function longestWaitMs(rig: Rig, sinceMs: number): Promise<number> {
  const rows = await rig.db.event.findMany({
    where: { receivedAt: { gte: new Date(sinceMs) } },
    select: { receivedAt: true, appliedAt: true },
  })
  return Math.max(
    ...rows.map(({ receivedAt, appliedAt }) => (appliedAt?.getTime() ?? Number.NaN) - receivedAt.getTime()),
  )
}
