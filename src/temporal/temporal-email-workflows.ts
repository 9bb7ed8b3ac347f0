import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import type { Escalation, EscalationCommand, EscalationReason } from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent, Priority } from '../domain/events.ts'
import { type EscalationSubject, isIncidentReason } from '../domain/incident.ts'
import { emptySnapshot, foldEvents, statusOf } from '../domain/lifecycle.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { emailLifecycle } from '../workflows/email-lifecycle.ts'
import {
  acknowledgeEscalation,
  eventsReceived,
  resolveEscalation,
  searchAttributes,
  snoozeEscalation,
} from '../workflows/messages.ts'
import { CommandRefusedError, type EmailWorkflows, workflowIdOf } from './email-workflows.ts'
import { temporalErrorOf, unavailable } from './errors.ts'
import { incidentStart } from './incidents.ts'
import { staticSummaryOf } from './static-summary.ts'

export interface TemporalEmailWorkflowsOptions {
  readonly client: Client
  readonly taskQueue: string
  /** The policy of new workflows. Running ones keep theirs. */
  readonly policy: LifecyclePolicy
  /** A signal that takes longer fails, and is sent again. Default 5 seconds. */
  readonly signalDeadlineMs?: number
  /** A command that takes longer fails, and can be retried. Default 10 seconds. */
  readonly commandDeadlineMs?: number
}

/** The workflows of emails on a Temporal server. */
export function createTemporalEmailWorkflows(options: TemporalEmailWorkflowsOptions): EmailWorkflows {
  const { client, signalDeadlineMs = 5_000, commandDeadlineMs = 10_000 } = options
  return {
    async signal(email, events, recipientDomain, priority, account) {
      const start = startOptions(options, email, events, recipientDomain, priority, account)
      await within(client, signalDeadlineMs, () =>
        client.workflow.signalWithStart<typeof emailLifecycle, [readonly LifecycleEvent[]]>('emailLifecycle', {
          ...start,
          signal: eventsReceived,
          signalArgs: [events],
        }),
      )
    },

    async ensureStarted(email, recipientDomain) {
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

    async command(subject, reason, command, updateId) {
      const start = startFor(options, subject, reason)
      return within(client, commandDeadlineMs, () => sendCommand(client, start, subject, { reason, command, updateId }))
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
 * When a worker is killed, its current tasks are handed out again after this. A task takes milliseconds on an idle core, and a local
 * activity fails after two seconds. Two of them in one task are rare; the SDK then sends a task heartbeat.
 */
const workflowTaskTimeout = '3500 ms' as const

/**
 * From 1 to 5; the default is 3. In a backlog, workflow and activity tasks of critical emails go first. Within a priority the
 * accounts take turns, if the server has `matching.enableFairness`.
 */
const priorityKeys: Readonly<Record<Priority, number>> = { critical: 1, normal: 3, bulk: 5 }

/** Temporal's limit is 64 bytes. */
const fairnessKeyOf = (provider: string, account: string | null): string =>
  (account === null ? provider : `${provider}/${account}`).slice(0, 64)

/** The options of an email's workflow, for a message that may start it. */
function startOptions(
  { taskQueue, policy }: TemporalEmailWorkflowsOptions,
  email: EmailKey,
  events: readonly LifecycleEvent[],
  recipientDomain: string | null,
  given?: Priority,
  account: string | null = null,
) {
  const snapshot = foldEvents(emptySnapshot, events)
  const priority = given ?? snapshot.priority
  return {
    workflowId: workflowIdOf(email),
    taskQueue,
    args: [{ ...email, policy }] as Parameters<typeof emailLifecycle>,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowTaskTimeout,
    priority: { priorityKey: priorityKeys[priority], fairnessKey: fairnessKeyOf(email.provider, account) },
    staticSummary: staticSummaryOf(email.provider, priority, recipientDomain),
    typedSearchAttributes: [
      { key: searchAttributes.provider, value: email.provider },
      { key: searchAttributes.status, value: statusOf(snapshot) },
      { key: searchAttributes.priority, value: priority },
      ...(recipientDomain ? [{ key: searchAttributes.recipientDomain, value: recipientDomain }] : []),
    ],
  }
}

/** The workflow that a command starts if none is running: the email's, or the incident's. */
function startFor(options: TemporalEmailWorkflowsOptions, subject: EscalationSubject, reason: EscalationReason) {
  if ('emailId' in subject) {
    return new WithStartWorkflowOperation('emailLifecycle', startOptions(options, subject, [], null))
  }
  if (!isIncidentReason(reason)) throw new Error(`incidents have no escalation with reason ${reason}`)
  const { taskQueue, policy } = options
  return new WithStartWorkflowOperation('incident', incidentStart(taskQueue, { reason, ...subject, policy }))
}

function sendCommand(
  client: Client,
  startWorkflowOperation: ReturnType<typeof startFor>,
  subject: EscalationSubject,
  { reason, command, updateId }: { reason: EscalationReason; command: EscalationCommand; updateId: string | undefined },
): Promise<Escalation> {
  const { workflow } = client
  const target = { reason, by: command.by, ...('episode' in subject && { episode: subject.episode }) }
  const options = { startWorkflowOperation, ...(updateId !== undefined && { updateId }) }
  switch (command.do) {
    case 'acknowledge':
      return workflow.executeUpdateWithStart(acknowledgeEscalation, { ...options, args: [target] })
    case 'snooze':
      return workflow.executeUpdateWithStart(snoozeEscalation, {
        ...options,
        args: [{ ...target, until: command.until }],
      })
    case 'resolve':
      return workflow.executeUpdateWithStart(resolveEscalation, { ...options, args: [target] })
  }
}

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
  return temporalErrorOf(error)
}
