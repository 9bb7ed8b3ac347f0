import { type Connection, isGrpcServiceError } from '@temporalio/client'
import { ConfigurationError } from '../errors.ts'
import { searchAttributes } from '../workflows/messages.ts'

/** Names of the search attributes that the workflow sets; all are keywords. */
export const searchAttributeNames: readonly string[] = Object.values(searchAttributes).map(({ name }) => name)

/** Temporal's number for a keyword: IndexedValueType in temporal/api/enums/v1/common.proto. */
const keywordType = 2

/** gRPC's number for a server that is away: google.golang.org/grpc/codes. */
const unavailableCode = 14

/**
 * Registers the search attributes that the namespace does not have yet.
 * @throws the client's own error when Temporal is away, ConfigurationError where Temporal lets only its own tools register them, as Temporal Cloud does.
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
    if (isGrpcServiceError(error) && error.code === unavailableCode) throw error
    throw new ConfigurationError(
      `Namespace ${namespace} lacks the search attributes ${missing.join(', ')}, and they could not be registered from ` +
        'here. Register them as Keyword with `temporal operator search-attribute create`, or in the Cloud UI.',
      { cause: error },
    )
  }
}

/** Those that the namespace does not have yet; all of them where it does not let us look. */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService
    .listSearchAttributes({ namespace })
    // A server that does not let us list may still let us add; adding one that is there already is no error.
    .catch(() => ({ customAttributes: {} as Record<string, unknown> }))
  return searchAttributeNames.filter((name) => !customAttributes || !(name in customAttributes))
}
