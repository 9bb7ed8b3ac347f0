import {
  type Client,
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { incidentIn, isIncidentReason } from '../domain/incident.ts'
import { foldEvents, statusOf, unheardOf } from '../domain/lifecycle.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { TemporalUnavailableError } from '../errors.ts'
import type { emailLifecycle } from '../workflows/email-lifecycle.ts'
import {
  acknowledgeEscalation,
  eventsReceived,
  resolveEscalation,
  searchAttributes,
  snoozeEscalation,
} from '../workflows/messages.ts'
import { incidentStart } from './incidents.ts'
import { CommandRefusedError, type Lives, workflowIdOf } from './lives.ts'

export interface TemporalLivesOptions {
  readonly client: Client
  readonly taskQueue: string
  /** By which new lives are lived; running ones keep theirs. */
  readonly policy: LifecyclePolicy
  /** A signal that takes longer is given up and sent again. Default 5 seconds. */
  readonly signalDeadlineMs?: number
  /** A person waits at most this long for a command to be carried out. Default 10 seconds. */
  readonly commandDeadlineMs?: number
}

/** The lives of emails as workflows on a Temporal server. */
export function createTemporalLives(options: TemporalLivesOptions): Lives {
  const { client, signalDeadlineMs = 5_000, commandDeadlineMs = 10_000 } = options
  return {
    async signal(email, events, recipientDomain) {
      const start = startOptions(options, email, events, recipientDomain)
      await within(client, signalDeadlineMs, () =>
        client.workflow.signalWithStart<typeof emailLifecycle, [readonly LifecycleEvent[]]>('emailLifecycle', {
          ...start,
          signal: eventsReceived,
          signalArgs: [events],
        }),
      )
    },

    async wake(email, recipientDomain) {
      const start = startOptions(options, email, [], recipientDomain)
      const workflowIdConflictPolicy = WorkflowIdConflictPolicy.FAIL
      try {
        await within(client, signalDeadlineMs, () =>
          client.workflow.start<typeof emailLifecycle>('emailLifecycle', { ...start, workflowIdConflictPolicy }),
        )
        return true
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false
        throw error
      }
    },

    async command(email, reason, command) {
      const startWorkflowOperation = startFor(options, email, reason)
      return within(client, commandDeadlineMs, () => sendCommand(client, startWorkflowOperation, reason, command))
    },

    async isReachable(deadlineMs) {
      try {
        await within(client, deadlineMs, () => client.connection.workflowService.getSystemInfo({}))
        return true
      } catch {
        return false
      }
    },
  }
}

/**
 * What a worker that is killed costs the lives it was just at: until this is over, Temporal waits for it. A task takes
 * milliseconds where there is a core for it, and a local activity gives up after two seconds: two in one task are rare, and then
 * Temporal is told that it goes on.
 */
const workflowTaskTimeout = '3500 ms' as const

/** What a life starts with, should this message be the one that starts it. */
function startOptions(
  { taskQueue, policy }: TemporalLivesOptions,
  email: EmailKey,
  events: readonly LifecycleEvent[],
  recipientDomain: string | null,
) {
  const snapshot = foldEvents(unheardOf, events)
  const summary = [email.provider, snapshot.priority, recipientDomain].filter((part) => part !== null).join(' · ')
  return {
    workflowId: workflowIdOf(email),
    taskQueue,
    args: [{ ...email, policy }] as Parameters<typeof emailLifecycle>,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowTaskTimeout,
    staticSummary: summary.slice(0, 200),
    typedSearchAttributes: [
      { key: searchAttributes.provider, value: email.provider },
      { key: searchAttributes.status, value: statusOf(snapshot) },
      { key: searchAttributes.priority, value: snapshot.priority },
      ...(recipientDomain ? [{ key: searchAttributes.recipientDomain, value: recipientDomain }] : []),
    ],
  }
}

/** What a command starts if nothing runs: the email's life, or the incident. */
function startFor(options: TemporalLivesOptions, email: EmailKey, reason: EscalationReason) {
  const incident = incidentIn(email)
  return incident && isIncidentReason(reason)
    ? new WithStartWorkflowOperation(
        'incident',
        incidentStart(options.taskQueue, { reason, ...incident, policy: options.policy }),
      )
    : new WithStartWorkflowOperation('emailLifecycle', startOptions(options, email, [], null))
}

function sendCommand(
  client: Client,
  startWorkflowOperation: ReturnType<typeof startFor>,
  reason: EscalationReason,
  command: EscalationCommand,
): Promise<Escalation> {
  const { by } = command
  switch (command.do) {
    case 'acknowledge':
      return client.workflow.executeUpdateWithStart(acknowledgeEscalation, {
        args: [{ reason, by }],
        startWorkflowOperation,
      })
    case 'snooze':
      return client.workflow.executeUpdateWithStart(snoozeEscalation, {
        args: [{ reason, by, until: command.until }],
        startWorkflowOperation,
      })
    case 'resolve':
      return client.workflow.executeUpdateWithStart(resolveEscalation, {
        args: [{ reason, by }],
        startWorkflowOperation,
      })
  }
}

/** gRPC's numbers for calls that will not work however often they are tried: google.golang.org/grpc/codes. */
const finalCodes = new Set([
  3, // INVALID_ARGUMENT
  7, // PERMISSION_DENIED
  11, // OUT_OF_RANGE
  12, // UNIMPLEMENTED
])

async function within<T>(client: Client, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  try {
    return await client.withDeadline(Date.now() + deadlineMs, call)
  } catch (error) {
    throw translated(error)
  }
}

function translated(error: unknown): unknown {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    return new CommandRefusedError(error.cause.message)
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return unavailable(error)
  const service = grpcErrorIn(error)
  return service && !finalCodes.has(service.code) ? unavailable(error) : error
}

const unavailable = (cause: unknown) =>
  new TemporalUnavailableError('Temporal does not answer, or no worker does. Try again.', { cause })

/** The gRPC error that the client wraps, if one is behind `error`. */
function grpcErrorIn(error: unknown): { code: number } | null {
  if (isGrpcServiceError(error)) return error
  return error instanceof Error && error.cause !== undefined ? grpcErrorIn(error.cause) : null
}
