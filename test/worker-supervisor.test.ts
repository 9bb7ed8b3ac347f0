import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { WorkerSupervisor } from '../src/worker-supervisor.ts'
import { quietLog } from './quiet.ts'
import { temporaryFolder } from './stack.ts'
import { until } from './until.ts'

const settings = { databaseUrl: 'postgresql://none', temporalAddress: 'none:1', erasureKey: null }
const polls =
  "process.on('message', ({ type }) => type === 'start' && process.send({ type: 'polling', isPolling: true }))"
const stops = "process.on('message', ({ type }) => type === 'stop' && process.exit(0))"
const counts = `process.on('message', ({ type }) =>
  type === 'metrics' && process.send({ type, values: { counts: [], temporal: 'temporal_polls 1' } }))`
const endsWithParent = "process.on('disconnect', () => process.exit(1))"

describe('the supervisor of the worker’s process', () => {
  const supervisors: WorkerSupervisor[] = []
  afterEach(() => Promise.all(supervisors.splice(0).map((supervisor) => supervisor.stop())))

  async function supervise(...program: string[]): Promise<WorkerSupervisor> {
    const path = join(await temporaryFolder(), 'worker.mjs')
    await writeFile(path, program.join('\n'))
    const supervisor = new WorkerSupervisor({ log: quietLog, program: path, graceMs: 500 })
    supervisors.push(supervisor)
    supervisor.start(settings)
    return supervisor
  }

  it('restarts the process and the worker after a kill', async () => {
    const supervisor = await supervise(polls, stops, endsWithParent)
    await supervisor.whenPolling
    const killed = Number(supervisor.pid)
    process.kill(killed, 'SIGKILL')
    await until(() => !supervisor.isPolling())
    await until(supervisor.isPolling)
    assert.notEqual(supervisor.pid, killed)
  })

  it('gives the process a lower priority than this one', async () => {
    const supervisor = await supervise(polls, stops, endsWithParent)
    await supervisor.whenPolling
    await until(() => getPriority(supervisor.pid) === Math.min(19, getPriority() + 10))
  })

  it('stops it gracefully, and starts no other', async () => {
    const supervisor = await supervise(polls, stops, endsWithParent)
    await supervisor.whenPolling
    const { pid } = supervisor
    await supervisor.stop()
    assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
    assert.equal(supervisor.pid, pid)
  })

  it('kills it when it does not stop in time', async () => {
    const supervisor = await supervise(polls, endsWithParent)
    await supervisor.whenPolling
    await supervisor.stop()
    assert.throws(() => process.kill(Number(supervisor.pid), 0), { code: 'ESRCH' })
  })

  it('reads its metrics, or none if it does not answer', async () => {
    const answering = await supervise(polls, counts, stops, endsWithParent)
    await answering.whenPolling
    assert.equal((await answering.metricValues()).temporal, 'temporal_polls 1')
    const silent = await supervise(polls, stops, endsWithParent)
    await silent.whenPolling
    assert.deepEqual(await silent.metricValues(), { counts: [], temporal: '' })
  })
})
