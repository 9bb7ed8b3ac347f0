/**
 * `npm run bench:replay`: what it costs a worker to replay a life that it has not got in memory, by the number of its run's saves;
 * with the cores to itself, and beside six busy processes.
 */
import type { WorkflowHandle } from '@temporalio/client'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { workflowIdOf } from '../src/temporal/email-workflows.ts'
import { workflowCode } from '../src/temporal/workflow-code.ts'
import { startAftersendLives } from './aftersend-workflows.ts'
import { beside } from './busy.ts'
import { machine, revision } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

/** The last is the longest run that there is: email-lifecycle.ts. */
const sizes = [1, 5, 25, 50]
const replays = 20
const busyProcesses = 6

Runtime.install({ logger: new DefaultLogger('ERROR') })
const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const target = { address: temporal.address, namespace: 'default', security: {} }
const client = createTemporalClient(target)
const aftersend = await startAftersendLives(target, client, postgres.url)
const workflows = await workflowCode()

type RecordedLife = {
  readonly workflowId: string
  readonly history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>
}

/** Of a life that was heard of one event at a time. */
async function historyOf(saves: number): Promise<RecordedLife> {
  const emailId = `replayed-${saves}`
  for (let save = 0; save < saves; save++) {
    aftersend.applied.reset()
    await aftersend.send([{ type: 'opened', emailId }], saves)
    await aftersend.applied.whenReached(1)
  }
  const workflowId = workflowIdOf({ provider: 'aisend', emailId })
  return { workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() }
}

async function replay(life: RecordedLife, times: number): Promise<{ cpuMs: number; wallMs: number }> {
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  for await (const { error } of Worker.runReplayHistories(
    workflows,
    Array.from({ length: times }, () => life),
  ))
    if (error) throw error
  const { user, system } = process.cpuUsage(cpu)
  return { cpuMs: (user + system) / 1_000, wallMs: performance.now() - startedAt }
}

/** Of one more replay: what it takes to start is left out. */
async function eachReplay(life: RecordedLife) {
  const [one, many] = [await replay(life, 1), await replay(life, replays + 1)]
  return { cpuMs: (many.cpuMs - one.cpuMs) / replays, wallMs: (many.wallMs - one.wallMs) / replays }
}

const emailWorkflows: [number, RecordedLife][] = []
for (const saves of sizes) emailWorkflows.push([saves, await historyOf(saves)])
await aftersend.stop()
console.log(`\n${machine()}, revision ${revision()}\n`)
console.log(
  `| saves | history events | CPU | duration | beside ${busyProcesses} busy processes |\n| --- | --- | --- | --- | --- |`,
)
for (const [saves, life] of emailWorkflows) {
  const alone = await eachReplay(life)
  const pressed = await beside(busyProcesses, () => eachReplay(life))
  const ms = (value: number) => `${value.toFixed(0)} ms`
  const events = life.history.events?.length
  console.log(`| ${saves} | ${events} | ${ms(alone.cpuMs)} | ${ms(alone.wallMs)} | ${ms(pressed.wallMs)} |`)
}
await client.connection.close()
await temporal.stop()
await postgres.stop()
