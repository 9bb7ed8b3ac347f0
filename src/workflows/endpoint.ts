/** One endpoint of webhooks to applications: sends its events until it is deleted. The database has its state; this makes somebody act on it. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Delivered, EndpointActivities } from '../activities/endpoint-activities.ts'
import { commandRefused } from './command-queue.ts'
import {
  type EndpointInput,
  type EndpointStatus,
  endpointChanged,
  endpointStatus,
  endpointsTaskQueue,
  pauseEndpoint,
  resumeEndpoint,
} from './endpoint-messages.ts'

/**
 * Lasts ten minutes, and longer while what was begun ends. Without a heartbeat, its worker is gone: another one goes on, and sends again what
 * was under way. On a task queue of its own, so that slow receivers take no slots of the emails' activities.
 */
const { deliver } = proxyActivities<Pick<EndpointActivities, 'deliver'>>({
  taskQueue: endpointsTaskQueue,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
})

/** Short statements, for a person who waits for the answer. */
const { pauseEndpoint: pause, resumeEndpoint: resume } = proxyActivities<
  Pick<EndpointActivities, 'pauseEndpoint' | 'resumeEndpoint'>
>({
  taskQueue: endpointsTaskQueue,
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds' },
})

/** A paused endpoint is looked at so often, should the signal that it was resumed be lost. */
const lookAgainAfter = '5 minutes'

export async function endpoint({ endpointId, delivered = 0 }: EndpointInput): Promise<void> {
  let state: EndpointStatus = { state: 'active', reason: null, delivered, failedAttempts: 0 }
  let hasChanged = false
  const show = (change: Partial<EndpointStatus>) => {
    state = { ...state, ...change }
    setCurrentDetails(detailsOf(endpointId, state))
  }

  setHandler(endpointStatus, () => state)
  setHandler(endpointChanged, () => {
    hasChanged = true
  })
  // These two act, unlike handlers elsewhere: the loop waits for `deliver`. Each is one compare-and-set, so their order decides nothing more.
  setHandler(
    pauseEndpoint,
    async ({ by }) => {
      const paused = await pause({ endpointId, by })
      show({ state: 'paused', reason: 'person' })
      return paused
    },
    { validator: ({ by }) => validateName(by) },
  )
  setHandler(resumeEndpoint, async ({ skip = false }) => {
    const resumed = await resume({ endpointId, skip })
    hasChanged = true
    return resumed
  })

  for (;;) {
    hasChanged = false
    show({})
    const sent = await deliver({ endpointId })
    show(afterCall(state, sent))
    if (sent.end === 'deleted' || sent.end === 'not_posted') break
    if (sent.end === 'paused') await condition(() => hasChanged, lookAgainAfter)
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished)
      await continueAsNew<typeof endpoint>({ endpointId, delivered: state.delivered })
    }
  }
  await condition(allHandlersFinished)
}

/** @throws a failure for the person: what is sent here stays in the history. */
function validateName(by: unknown): void {
  if (typeof by === 'string' && by.trim() !== '' && !by.includes('@')) return
  throw commandRefused('by must be the name of who pauses the endpoint, not an address')
}

const afterCall = (before: EndpointStatus, { end, reason, delivered, failed }: Delivered): EndpointStatus => ({
  state: end === 'continues' ? 'active' : end,
  reason,
  delivered: before.delivered + delivered,
  failedAttempts: failed,
})

const detailsOf = (endpointId: string, { state, reason, delivered, failedAttempts }: EndpointStatus): string =>
  [
    `**${state}**${reason === null ? '' : ` (${reason})`} · ${endpointId}`,
    '',
    `- ${delivered} delivered until the last report`,
    `- ${failedAttempts} failed attempts in the last ten minutes that were reported`,
  ].join('\n')
