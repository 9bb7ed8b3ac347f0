/** A worker with {@link ./changed-workflows.ts}, in a process of its own: its SDK's metrics are the process's. Ends by SIGTERM. */
import { fileURLToPath } from 'node:url'
import type { WorkerActivities } from '../../src/activities/worker-activities.ts'
import { connectWorker } from '../../src/temporal/connection.ts'
import { createLifecycleWorker, installTemporalRuntime } from '../../src/temporal/worker.ts'
import { quietLog } from '../quiet.ts'

const [address = '', taskQueue = '', metricsPort = ''] = process.argv.slice(2)

installTemporalRuntime(quietLog, Number(metricsPort))
const worker = await createLifecycleWorker({
  connection: await connectWorker({ address, namespace: 'default', security: {} }),
  namespace: 'default',
  taskQueue,
  activities: {} as WorkerActivities,
  workflows: { workflowsPath: fileURLToPath(new URL('changed-workflows.ts', import.meta.url)) },
})
process.once('SIGTERM', () => worker.shutdown())
await worker.run()
process.exit(0)
