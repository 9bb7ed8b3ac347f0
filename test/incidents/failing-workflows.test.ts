import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { type SystemWatch, watchSystem } from '../../src/incidents/watch.ts'
import { countFailingWorkflows } from '../../src/temporal/failing-workflows.ts'
import { readTemporalMetrics } from '../../src/temporal/runtime-metrics.ts'
import { flowing } from '../../src/temporal/temporal-status.ts'
import { quietLog } from '../quiet.ts'
import { until } from '../until.ts'
import { EmailRig, slowPolicy } from '../workflows/email-rig.ts'

const alarmWithinMs = 120_000

/** As in ops/prometheus/alerts.yml. */
const failedTask = /^temporal_workflow_task_execution_failed_total\{[^}]*failure_reason="NonDeterminismError"/m

describe('a release that cannot replay the workflows that are open', function () {
  this.timeout(4 * alarmWithinMs)
  let rig: EmailRig
  let watch: SystemWatch | undefined
  let changed: ChildProcess | undefined
  before(async () => {
    rig = await EmailRig.start()
  })
  after(async () => {
    await stopChanged()
    await watch?.close()
    await rig.stop()
  })

  async function stopChanged(): Promise<void> {
    if (changed?.exitCode !== null || changed.signalCode !== null) return
    const gone = once(changed, 'exit')
    changed.kill('SIGTERM')
    await gone
  }

  const incident = () => rig.db.escalation.findFirst({ where: { reason: 'workflow_tasks_failing' } })

  it('opens an incident within 2 minutes, which ends when a worker can run them again', async () => {
    const email = rig.email()
    await email.apply(email.event('sent'))
    await rig.stopWorker()
    const port = await anyFreePort()
    const program = fileURLToPath(new URL('changed-worker.ts', import.meta.url))
    const args = ['--import', 'tsx', program, rig.target.address, rig.taskQueue, String(port)]
    changed = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    await email.emailWorkflows.signal(email, [], null)
    const hasFailed = async () => failedTask.test(await readTemporalMetrics(port).catch(() => ''))
    await until(async () => changed?.exitCode !== null || (await hasFailed()), alarmWithinMs)
    assert.equal(changed.exitCode, null, 'it runs')
    const failedAt = performance.now()
    watch = watchSystem({
      db: rig.db,
      channels: [],
      policy: slowPolicy,
      alarms: { backlogAfterMs: 1e9 },
      temporalStatus: () => flowing,
      countFailingWorkflows: () => countFailingWorkflows(rig.client, rig.taskQueue),
      log: quietLog,
      timing: { everyMs: 1_000, countEveryMs: 1_000, quietMs: 2_000 },
    })
    await until(async () => (await incident()) !== null, alarmWithinMs)
    console.log(`      raised ${Math.round((performance.now() - failedAt) / 1_000)} s after the first failure`)
    assert.equal((await incident())?.detail, '1 workflow repeatedly fails at its task and cannot continue.')
    await stopChanged()
    await rig.startWorker()
    await until(async () => (await incident())?.state === 'resolved', alarmWithinMs)
  })
})
