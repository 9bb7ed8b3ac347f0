import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { apiKey } from '../api/served.ts'
import { isRunning } from '../processes.ts'
import { ownPostgres, ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { postWebhook } from './calls.ts'
import { SystemProcess } from './system-process.ts'

const withinMs = 60_000

describe('the worker of ROLE=all, in a process of its own', function () {
  this.timeout(200_000)
  let system: SystemProcess
  let db: Database

  before(async () => {
    const [postgres, temporal] = await Promise.all([ownPostgres(), ownTemporal()])
    const servers = { databaseUrl: postgres.url, temporalAddress: temporal.address }
    await applyMigrations(servers)
    db = createDatabase({ url: postgres.url })
    system = await SystemProcess.start({ role: 'all', ...servers })
  })
  after(async () => {
    await system?.end('SIGKILL')
    await db?.$disconnect()
  })

  async function workerPid(): Promise<number | null> {
    const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,ppid=,args='], { maxBuffer: 32 << 20 })
    const rows = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    const row = rows.find((found) => Number(found?.[2]) === system.pid && /worker-process/.test(found?.[3] ?? ''))
    return row ? Number(row[1]) : null
  }
  const isPolling = async (): Promise<boolean> => {
    const answer = await fetch(`${system.url}/readyz`)
    return ((await answer.json()) as { worker?: boolean }).worker === true
  }
  const metrics = async () =>
    (await fetch(`${system.url}/metrics`, { headers: { authorization: `Bearer ${apiKey}` } })).text()

  async function deliver(id: string): Promise<void> {
    await postWebhook(system.url, { id: `evt_${id}`, type: 'email.delivered', data: { email_id: `em_${id}` } })
  }
  const isApplied = async (id: string) =>
    (await db.event.count({ where: { eventId: `evt_${id}`, appliedAt: { not: null } } })) === 1

  it('applies events, and the API reports the metrics of both processes', async () => {
    await until(isPolling, withinMs)
    await deliver('first')
    await until(() => isApplied('first'), withinMs)
    // On a busy machine the worker's metrics may be late, and are left out then.
    let text = ''
    const tasks = /^temporal_workflow_task_execution_latency_seconds_count\{.*\} [1-9]/m
    await until(async () => {
      text = await metrics()
      return tasks.test(text) && text.includes('process="worker"')
    }, withinMs)
    assert.match(text, /^aftersend_webhook_ack_seconds_count [1-9]\d*$/m)
    for (const of of ['', '{process="worker"}']) {
      assert.match(text, new RegExp(`^process_start_time_seconds${of} \\d+`, 'm'))
    }
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    assert.deepEqual(names.length, new Set(names).size, 'each name is declared once')
  })

  it('is restarted after a kill, and the API acknowledges webhooks in the meantime', async () => {
    const killed = (await workerPid()) ?? assert.fail('no worker runs')
    process.kill(killed, 'SIGKILL')
    await until(async () => !(await isPolling()), withinMs)
    await deliver('meanwhile')
    await until(() => isApplied('meanwhile'), withinMs)
    assert.notEqual(await workerPid(), killed)
  })

  it('ends when the API’s process is killed, and the next start applies pending events', async () => {
    const worker = (await workerPid()) ?? assert.fail('no worker runs')
    await deliver('killed')
    await system.end('SIGKILL')
    await until(async () => !(await isRunning(worker)), withinMs)
    await system.start()
    await until(() => isApplied('killed'), withinMs)
  })

  it('stops after the API', async () => {
    await until(isPolling, withinMs)
    const worker = (await workerPid()) ?? assert.fail('no worker runs')
    assert.equal(await system.end('SIGINT'), 0)
    assert.match(system.output, /Stopped\./)
    assert.equal(await isRunning(worker), false)
  })
})
