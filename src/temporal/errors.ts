/** Temporal's errors for callers: what must be fixed, and whether to retry. */
import { isGrpcServiceError, type ServiceError, WorkflowNotFoundError } from '@temporalio/client'
import { NamespaceNotFoundError } from '@temporalio/common'
import proto from '@temporalio/proto'
import { TemporalRefusedError, TemporalUnavailableError, WorkflowBusyError } from '../errors.ts'
import { grpcCode } from './grpc-codes.ts'

type GrpcError = ServiceError & { readonly code: number; readonly details: string }

/** The call itself is at fault. Other calls may succeed. */
const callErrors: ReadonlySet<number> = new Set([grpcCode.invalidArgument, grpcCode.outOfRange])

/** Every call fails like this until the configuration is fixed. */
const refusals: Readonly<Record<number, string>> = {
  [grpcCode.permissionDenied]: 'Check TEMPORAL_API_KEY, the certificate, and what they may do in TEMPORAL_NAMESPACE.',
  [grpcCode.unauthenticated]: 'Check TEMPORAL_API_KEY or the certificate: it is missing, wrong or expired.',
  [grpcCode.notFound]: 'Check TEMPORAL_NAMESPACE.',
  [grpcCode.failedPrecondition]: 'Check the state of the namespace.',
  [grpcCode.unimplemented]: 'Check TEMPORAL_ADDRESS and the version of the server: it does not know the call.',
}

/**
 * The error of a failed call: {@link TemporalUnavailableError} (retry), {@link TemporalRefusedError} (fix the configuration, then
 * retry), {@link WorkflowBusyError} (this workflow must wait), or the original error (the call itself is at fault).
 */
export function temporalErrorOf(error: unknown): unknown {
  if (error instanceof NamespaceNotFoundError) return refused(error.message, grpcCode.notFound, error)
  // Our calls start a missing workflow, so this one closed just now.
  if (error instanceof WorkflowNotFoundError) return unavailable(error)
  const found = grpcErrorIn(error)
  if (!found) return error
  const { details } = found
  // A matter of configuration, although the status blames the call: every start fails like this.
  if (found.code === grpcCode.invalidArgument && /search attribute/i.test(details)) {
    return new TemporalRefusedError(`Temporal refused: ${details}. Register it: npm run migrate`, { cause: error })
  }
  if (callErrors.has(found.code)) return error
  if (found.code in refusals) return refused(details, found.code, error)
  if (found.code === grpcCode.resourceExhausted && isBusyWorkflow(found)) {
    return new WorkflowBusyError(details, { cause: error })
  }
  return unavailable(error)
}

export const unavailable = (cause: unknown): TemporalUnavailableError =>
  new TemporalUnavailableError('Temporal does not answer, or no worker does. Try again.', { cause })

const refused = (details: string, of: number, cause: unknown): TemporalRefusedError =>
  new TemporalRefusedError(`Temporal refused: ${details}. ${refusals[of]}`, { cause })

/** The gRPC error in the chain of causes; null if there is none. */
function grpcErrorIn(error: unknown): GrpcError | null {
  if (isGrpcServiceError(error)) return error as unknown as GrpcError
  return error instanceof Error && error.cause !== undefined ? grpcErrorIn(error.cause) : null
}

const exhaustedType = 'temporal.api.errordetails.v1.ResourceExhaustedFailure'

/** Whether the limit is the workflow's rather than the namespace's: temporal/api/errordetails/v1/message.proto. */
function isBusyWorkflow(error: GrpcError): boolean {
  const [status] =
    (error as { metadata?: { get(name: string): unknown[] } }).metadata?.get('grpc-status-details-bin') ?? []
  if (!(status instanceof Uint8Array)) return false
  const { errordetails, enums } = proto.temporal.api
  return proto.google.rpc.Status.decode(status).details.some(
    ({ type_url: type, value }) =>
      type?.endsWith(exhaustedType) &&
      errordetails.v1.ResourceExhaustedFailure.decode(value ?? new Uint8Array()).cause ===
        enums.v1.ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
  )
}
