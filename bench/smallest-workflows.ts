/** The reference of bench/lifecycles.ts, running: lives of the smallest workflow, with nothing between sender and Temporal. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import { Worker } from '@temporalio/worker'
import { connectWorker, type TemporalTarget } from '../src/temporal/connection.ts'
import { Applied } from './applied.ts'
import type { Contestant } from './lifecycles.ts'
import { atOnce } from './machine.ts'
import { happened, type smallestWorkflow } from './smallest-workflow.ts'

/** Signals under way at once: as many as our dispatcher sends. */
const concurrency = 32

/** Whoever sends an event waits for nothing but Temporal's word that it has it. */
export async function startSmallestLives(target: TemporalTarget, client: Client): Promise<Contestant> {
  const applied = new Applied()
  const taskQueue = `bench-${randomUUID()}`
  const connection = await connectWorker(target)
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('smallest-workflow.ts', import.meta.url)),
    activities: { noOp: async () => applied.add(1) },
    maxCachedWorkflows: 1_000,
    maxConcurrentLocalActivityExecutions: 50,
  })
  const running = worker.run()
  return {
    applied,
    async send(events, eventsPerEmail) {
      await atOnce(concurrency, events, async ({ emailId, type }) => {
        await client.workflow.signalWithStart<typeof smallestWorkflow, [string]>('smallestWorkflow', {
          workflowId: `smallest/${emailId}`,
          taskQueue,
          args: [eventsPerEmail],
          signal: happened,
          signalArgs: [type],
        })
      })
    },
    async stop() {
      worker.shutdown()
      await running
      await connection.close()
    },
  }
}
