import { type Connection, isGrpcServiceError } from '@temporalio/client'
import { ConfigurationError } from '../errors.ts'
import { searchAttributes } from '../workflows/messages.ts'
import type { TemporalTarget } from './connection.ts'
import { grpcCode } from './grpc-codes.ts'
import { type PeriodicTaskOptions, runPeriodically } from './periodic-task.ts'

/** Names of the search attributes that the workflow sets; all are keywords. */
export const searchAttributeNames: readonly string[] = Object.values(searchAttributes).map(({ name }) => name)

/** Temporal's code for a keyword: IndexedValueType in temporal/api/enums/v1/common.proto. */
const keywordType = 2

/** The codes of a server that is unavailable or slow. */
const unavailableCodes: ReadonlySet<number> = new Set([grpcCode.deadlineExceeded, grpcCode.unavailable])

/**
 * Registers the search attributes that the namespace lacks.
 * @throws the client's error if Temporal is unavailable; ConfigurationError if the namespace does not exist, or if only Temporal's own
 * tools may register them, as on Temporal Cloud.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace)
  if (missing.length === 0) return
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keywordType])),
    })
  } catch (error) {
    if (isGrpcServiceError(error) && unavailableCodes.has(error.code)) throw error
    if (isGrpcServiceError(error) && error.code === grpcCode.notFound) {
      const command = `temporal operator namespace create --namespace ${namespace}`
      throw new ConfigurationError(`Namespace ${namespace} does not exist. Create it: ${command}`, { cause: error })
    }
    throw new ConfigurationError(
      `Namespace ${namespace} lacks the search attributes ${missing.join(', ')}, and they could not be registered from ` +
        'here. Register them as Keyword with `temporal operator search-attribute create`, or in the Cloud UI.',
      { cause: error },
    )
  }
}

/**
 * Registers them in the background, and again if they disappear: without them Temporal refuses to start workflows. Any number
 * of processes may do so at once.
 */
export const maintainSearchAttributes = (target: TemporalTarget, log: PeriodicTaskOptions['log'], retryMs?: number) =>
  runPeriodically(target, { name: 'search attributes', everyMs: 60_000, log, ...(retryMs && { retryMs }) }, (client) =>
    ensureSearchAttributes(client.connection as Connection, target.namespace),
  )

/** Those that the namespace lacks; all of them if it does not permit listing. */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService
    .listSearchAttributes({ namespace })
    // A server that does not permit listing may permit adding, and adding an existing attribute is no error.
    .catch(() => ({ customAttributes: {} as Record<string, unknown> }))
  return searchAttributeNames.filter((name) => !customAttributes || !(name in customAttributes))
}
