import { randomUUID } from 'node:crypto'
import { Client, type Connection, isGrpcServiceError } from '@temporalio/client'
import { createTemporalConnection, type TemporalTarget } from '../../temporal/connection.ts'
import { missingSearchAttributes } from '../../temporal/search-attributes.ts'
import { taskQueue } from '../../temporal/worker.ts'
import { clockFinding, type Finding, warning, well, wordsOf, wrong } from './finding.ts'

const answerMs = 5_000

/** gRPC's number for what is not there: google.golang.org/grpc/codes. */
const notFound = 5

/** Whether Temporal answers, has our namespace and search attributes, workers that poll, and our time. */
export async function examineTemporal(target: TemporalTarget): Promise<Finding[]> {
  const { address, namespace } = target
  const connection = createTemporalConnection(target)
  const client = new Client({ connection, namespace })
  const inTime = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + answerMs, work)
  try {
    await inTime(() => client.workflowService.describeNamespace({ namespace }))
    return [
      well('temporal', `Temporal at ${address} answers, with namespace ${namespace}`),
      await inTime(() => examineSearchAttributes(connection, namespace)),
      await inTime(() => examineWorkers(client, namespace)),
      await inTime(() => examineClock(client)),
    ]
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === notFound) {
      const command = `temporal operator namespace create --namespace ${namespace}`
      return [wrong('temporal', `Temporal at ${address} has no namespace ${namespace}`, command)]
    }
    return [
      wrong(
        'temporal',
        `Temporal at ${address} does not answer (${wordsOf(error)})`,
        'start it, or put TEMPORAL_ADDRESS right',
      ),
    ]
  } finally {
    await connection.close()
  }
}

async function examineSearchAttributes(connection: Connection, namespace: string): Promise<Finding> {
  const missing = await missingSearchAttributes(connection, namespace)
  return missing.length === 0
    ? well('search attributes', 'all are registered')
    : wrong('search attributes', `${missing.join(', ')} are missing`, 'npm run migrate, or register them as Keyword')
}

async function examineWorkers(client: Client, namespace: string): Promise<Finding> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1 /* TASK_QUEUE_TYPE_WORKFLOW in temporal/api/enums/v1/task_queue.proto */,
  })
  return pollers && pollers.length > 0
    ? well('workers', `${pollers.length} polled within the last minutes`)
    : warning('workers', 'none polls: events wait in the inbox', 'start one: ROLE=worker, or ROLE=all')
}

/** Temporal tells its time of nothing but workflows: one that nobody runs is started and ended at once. */
async function examineClock(client: Client): Promise<Finding> {
  const workflowId = `aftersend-doctor/${randomUUID()}`
  const askedAt = Date.now()
  const handle = await client.workflow.start('aftersendDoctor', {
    workflowId,
    taskQueue: 'aftersend-doctor',
    workflowExecutionTimeout: '10 seconds',
  })
  const tookMs = Date.now() - askedAt
  const { startTime } = await handle.describe()
  await handle.terminate('aftersend doctor only asked for the time')
  return clockFinding('Temporal', startTime.getTime() - (askedAt + tookMs / 2), tookMs / 2)
}
