/** Sends a plan: registers emails as the application does, and posts webhooks as the provider does, with retries. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProviderEntry } from '../providers/provider.ts'
import type { SampleFormat, SignedRequest } from '../providers/sample.ts'
import type { Limiter } from './limiter.ts'
import type { Target } from './options.ts'
import type { PlannedEmail, PlannedEvent } from './plan.ts'
import { type Statistics, tallyOf } from './statistics.ts'

export interface SendOptions {
  readonly target: Target
  readonly provider: ProviderEntry
  readonly limit: Limiter
  readonly statistics: Statistics
  /** How long one webhook or registration is retried. */
  readonly timeoutMs: number
  /** The time 0 of the plan, in epoch milliseconds. */
  readonly startsAt: number
  /** The webhook of a stand-in about an event, signed now. Default: made from the plan. */
  readonly standInWebhook?: ((event: PlannedEvent) => SignedRequest) | undefined
  /** Called once for each request that was accepted or given up. */
  readonly onDone: () => void
}

/** The number of requests in the plan, without retries. */
export const requestCount = (plan: readonly PlannedEmail[]): number =>
  plan.reduce((sum, email) => sum + postsOf(email).length, 0)

/** Resolves when every request of the plan was accepted with a 2xx or given up, as counted in `statistics`. */
export async function sendPlan(plan: readonly PlannedEmail[], options: SendOptions): Promise<void> {
  const sending: Promise<unknown>[] = []
  for (const email of plan) {
    const startedAt = options.startsAt + email.startsAfterMs
    await sleepUntil(startedAt)
    for (const post of postsOf(email)) sending.push(sendPost(email, post, startedAt, options))
  }
  await Promise.all(sending)
}

interface PlannedPost {
  /** Null: the registration. */
  readonly event: PlannedEvent | null
  readonly afterMs: number
  readonly isDuplicate: boolean
}

function postsOf({ registration, events }: PlannedEmail): PlannedPost[] {
  const posts = (event: PlannedEvent | null, times: readonly number[]) =>
    times.map((afterMs, copy) => ({ event, afterMs, isDuplicate: copy > 0 }))
  return [
    ...posts(null, registration?.postsAfterMs ?? []),
    ...events.flatMap((event) => posts(event, event.postsAfterMs)),
  ]
}

async function sendPost(
  email: PlannedEmail,
  post: PlannedPost,
  startedAt: number,
  options: SendOptions,
): Promise<void> {
  await sleepUntil(startedAt + post.afterMs)
  const request = post.event
    ? webhookOf(email, post.event, post.isDuplicate, startedAt, options)
    : registrationOf(email, options)
  const tally = tallyOf(options.statistics, post.event?.type ?? 'registration')
  const failure = await postUntilAccepted(request, options, () => {
    tally.retries += 1
  })
  if (failure !== null) {
    tally.failed += 1
    options.statistics.failures.set(failure, (options.statistics.failures.get(failure) ?? 0) + 1)
  } else if (post.isDuplicate) tally.duplicates += 1
  else tally.sent += 1
  options.onDone()
}

type SimulatedRequest = SignedRequest & { readonly url: string }

type Receiver = Pick<SendOptions, 'target' | 'provider' | 'standInWebhook'>

function registrationOf(email: PlannedEmail, { target, provider }: Receiver): SimulatedRequest {
  const { registration, id, to, subject, tags, externalId, metadata } = email
  const priority = registration?.priority ?? undefined
  return {
    url: `${target.apiUrl}/v1/emails`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${target.apiKey}` },
    body: JSON.stringify({
      ...{ id, to, subject, tags, priority, provider: provider.name, status: registration?.as },
      ...(registration?.hasOwnIds && { externalId, metadata }),
    }),
  }
}

/**
 * The provider's webhook for one event. All attempts and repeats have the signature of the time when it is first due. If the
 * provider sends batches, a repeat is a batch with the events before it.
 */
function webhookOf(
  email: PlannedEmail,
  event: PlannedEvent,
  isRepeat: boolean,
  startedAt: number,
  { target, provider, standInWebhook }: Receiver,
): SimulatedRequest {
  const url = `${target.apiUrl}/webhooks/${provider.name}`
  if (standInWebhook) return { url, ...standInWebhook(event) }
  const format = provider.sampleFormat
  const batch = batchOf(email, event, isRepeat, format).map((planned) => ({
    ...planned,
    at: new Date(startedAt + planned.occursAfterMs),
  }))
  const firstDueAt = startedAt + (event.postsAfterMs[0] ?? 0)
  return { url, ...provider.sign(format.bodyOf(batch, email), target.webhookSecret, firstDueAt) }
}

function batchOf(
  email: PlannedEmail,
  event: PlannedEvent,
  isRepeat: boolean,
  { sendsBatches }: SampleFormat,
): PlannedEvent[] {
  if (!sendsBatches || !isRepeat) return [event]
  return email.events.filter(({ occursAfterMs }) => occursAfterMs <= event.occursAfterMs)
}

const [firstPauseMs, longestPauseMs, attemptTimeoutMs] = [200, 5_000, 10_000]

/**
 * Posts until a 2xx, with exponential backoff and jitter.
 * @returns null when it was accepted, else the error of the last attempt.
 */
async function postUntilAccepted(
  request: SimulatedRequest,
  { limit, statistics, timeoutMs }: SendOptions,
  onRetry: () => void,
): Promise<string | null> {
  const givenUpAt = Date.now() + timeoutMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const failure = await limit(() => postOnce(request, statistics))
    if (failure === null || Date.now() + pauseMs > givenUpAt) return failure
    await sleep(pauseMs * (0.5 + Math.random() / 2))
    onRetry()
  }
}

async function postOnce({ url, headers, body }: SimulatedRequest, statistics: Statistics): Promise<string | null> {
  const startedAt = performance.now()
  try {
    const signal = AbortSignal.timeout(attemptTimeoutMs)
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    // Read to the end, so that the connection can be reused.
    await response.arrayBuffer()
    if (!response.ok) return `status ${response.status}`
    statistics.latenciesMs.push(performance.now() - startedAt)
    return null
  } catch (error) {
    return fetchErrorText(error)
  }
}

/** A short text for an error of `fetch`: `no response (ECONNREFUSED)`, `no response in time`. */
export function fetchErrorText(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no response in time'
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? `no response (${cause.code})` : 'no response'
}

async function sleepUntil(time: number): Promise<void> {
  const delayMs = time - Date.now()
  if (delayMs > 0) await sleep(delayMs)
}
