import { randomUUID } from 'node:crypto'
import { Client, type Connection, isGrpcServiceError } from '@temporalio/client'
import { messageOf } from '../../errors.ts'
import { createTemporalConnection, type TemporalTarget } from '../../temporal/connection.ts'
import { readRouting } from '../../temporal/deployment.ts'
import { missingSearchAttributes } from '../../temporal/search-attributes.ts'
import { taskQueue } from '../../temporal/worker.ts'
import { clockFinding, type Finding, warning, well, wrong } from './finding.ts'

const answerMs = 5_000

/** gRPC's status code NOT_FOUND: google.golang.org/grpc/codes. */
const notFound = 5

/**
 * Checks that Temporal answers, has the namespace, the search attributes and workers that poll, and that its clock agrees.
 * @param deployment WORKER_DEPLOYMENT of the workers; null if it is not set.
 */
export async function checkTemporal(target: TemporalTarget, deployment: string | null): Promise<Finding[]> {
  const { address, namespace } = target
  const connection = createTemporalConnection(target)
  const client = new Client({ connection, namespace })
  const inTime = <T>(work: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + answerMs, work)
  try {
    await inTime(() => client.workflowService.describeNamespace({ namespace }))
    return [
      well('temporal', `Temporal at ${address} answers, with namespace ${namespace}`),
      await inTime(() => checkSearchAttributes(connection, namespace)),
      await inTime(() => checkWorkers(client, namespace)),
      ...(deployment === null ? [] : [await inTime(() => checkDeployment(client, deployment))]),
      await inTime(() => checkClock(client)),
    ]
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === notFound) {
      const todo = `create it: temporal operator namespace create --namespace ${namespace}`
      return [wrong('temporal', `Temporal at ${address} has no namespace ${namespace}`, todo)]
    }
    return [
      wrong(
        'temporal',
        `Temporal at ${address} does not answer (${messageOf(error)})`,
        'start it, or correct TEMPORAL_ADDRESS',
      ),
    ]
  } finally {
    await connection.close()
  }
}

async function checkSearchAttributes(connection: Connection, namespace: string): Promise<Finding> {
  const missing = await missingSearchAttributes(connection, namespace)
  return missing.length === 0
    ? well('search attributes', 'all are registered')
    : wrong(
        'search attributes',
        `${missing.join(', ')} are missing`,
        'run npm run migrate, or register them as Keyword',
      )
}

async function checkWorkers(client: Client, namespace: string): Promise<Finding> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: 1 /* TASK_QUEUE_TYPE_WORKFLOW in temporal/api/enums/v1/task_queue.proto */,
  })
  return pollers && pollers.length > 0
    ? well('workers', `${pollers.length} polled in the last minutes`)
    : warning('workers', 'none polls: events stay pending', 'start one with ROLE=worker or ROLE=all')
}

async function checkDeployment(client: Client, name: string): Promise<Finding> {
  const current = (await readRouting(client, name))?.current ?? null
  return current === null
    ? wrong(
        'deployment',
        `no build of ${name} is current: its workers run no workflows`,
        'promote one: aftersend deployment promote BUILD',
      )
    : well('deployment', `workflows run on build ${current} of ${name}`)
}

/** Only workflows have a time of the server: starts one that no worker runs, and terminates it at once. */
async function checkClock(client: Client): Promise<Finding> {
  const workflowId = `aftersend-doctor/${randomUUID()}`
  const requestedAt = Date.now()
  const handle = await client.workflow.start('aftersendDoctor', {
    workflowId,
    taskQueue: 'aftersend-doctor',
    workflowExecutionTimeout: '10 seconds',
  })
  const tookMs = Date.now() - requestedAt
  const { startTime } = await handle.describe()
  await handle.terminate('aftersend doctor compared the clocks')
  return clockFinding('Temporal', startTime.getTime() - (requestedAt + tookMs / 2), tookMs / 2)
}
