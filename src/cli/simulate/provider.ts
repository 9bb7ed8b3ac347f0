/** Plays the plan: as the application that registers emails, and as the provider that posts webhooks until they are taken. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SignedRequest } from '../../providers/provider.ts'
import type { ProviderEntry } from '../../providers/registry.ts'
import type { Target } from '../target.ts'
import { type Dialect, dialectOf } from './dialects/dialect.ts'
import type { Gate } from './gate.ts'
import type { PlannedEmail, PlannedEvent } from './plan.ts'
import { type Statistics, tallyOf } from './statistics.ts'

export interface PlayOptions {
  readonly target: Target
  /** Whose webhooks are posted. */
  readonly provider: ProviderEntry
  /** Every request passes here. */
  readonly gate: Gate
  readonly statistics: Statistics
  /** How long one webhook or registration is tried again before it is given up. */
  readonly timeoutMs: number
  /** When the plan's clock begins, epoch milliseconds. */
  readonly beginsAt: number
  /** Called once per request that was taken or given up. */
  readonly onDone: () => void
}

/** How many requests the plan holds, retries not counted. */
export const requestsIn = (plan: readonly PlannedEmail[]): number =>
  plan.reduce((sum, email) => sum + postsOf(email).length, 0)

/** Resolves when every request of the plan was taken with a 2xx, or given up; which ones, the statistics say. */
export async function playPlan(plan: readonly PlannedEmail[], options: PlayOptions): Promise<void> {
  const playing: Promise<unknown>[] = []
  for (const email of plan) {
    const beganAt = options.beginsAt + email.startsAfterMs
    await sleepUntil(beganAt)
    for (const post of postsOf(email)) playing.push(playPost(email, post, beganAt, options))
  }
  await Promise.all(playing)
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

async function playPost(email: PlannedEmail, post: PlannedPost, beganAt: number, options: PlayOptions): Promise<void> {
  await sleepUntil(beganAt + post.afterMs)
  const request = post.event
    ? webhookOf(email, post.event, post.isDuplicate, beganAt, options)
    : registrationOf(email, options)
  const tally = tallyOf(options.statistics, post.event?.type ?? 'registration')
  const failure = await postUntilTaken(request, options, () => {
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

type Addressee = Pick<PlayOptions, 'target' | 'provider'>

export function registrationOf(email: PlannedEmail, { target, provider }: Addressee): SimulatedRequest {
  const { registration, id, to, subject, tags } = email
  const priority = registration?.priority ?? undefined
  return {
    url: `${target.apiUrl}/v1/emails`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${target.apiKey}` },
    body: JSON.stringify({ id, to, subject, tags, priority, provider: provider.name, status: registration?.as }),
  }
}

/**
 * The provider's webhook for one event, signed when it is first due: the same for every try. A repeat is the same as well,
 * or a batch of this event with what came before it, where the provider sends batches.
 */
export function webhookOf(
  email: PlannedEmail,
  event: PlannedEvent,
  isRepeat: boolean,
  beganAt: number,
  { target, provider }: Addressee,
): SimulatedRequest {
  const dialect = dialectOf(provider)
  const told = batchOf(email, event, isRepeat, dialect).map((one) => ({
    ...one,
    at: new Date(beganAt + one.occursAfterMs),
  }))
  const firstDueAt = beganAt + (event.postsAfterMs[0] ?? 0)
  return {
    url: `${target.apiUrl}/webhooks/${provider.name}`,
    ...provider.sign(dialect.bodyOf(told, email), target.webhookSecret, firstDueAt),
  }
}

function batchOf(
  email: PlannedEmail,
  event: PlannedEvent,
  isRepeat: boolean,
  { sendsBatches }: Dialect,
): PlannedEvent[] {
  if (!sendsBatches || !isRepeat) return [event]
  return email.events.filter(({ occursAfterMs }) => occursAfterMs <= event.occursAfterMs)
}

const [firstPauseMs, longestPauseMs, tryTimeoutMs] = [200, 5_000, 10_000]

/**
 * Posts until a 2xx, with pauses that double, up to 5 seconds and shortened by chance.
 * @returns null when it was taken, else why the last try failed.
 */
async function postUntilTaken(
  request: SimulatedRequest,
  { gate, statistics, timeoutMs }: PlayOptions,
  onRetry: () => void,
): Promise<string | null> {
  const givenUpAt = Date.now() + timeoutMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    const failure = await gate(() => postOnce(request, statistics))
    if (failure === null || Date.now() + pauseMs > givenUpAt) return failure
    await sleep(pauseMs * (0.5 + Math.random() / 2))
    onRetry()
  }
}

async function postOnce({ url, headers, body }: SimulatedRequest, statistics: Statistics): Promise<string | null> {
  const began = performance.now()
  try {
    const signal = AbortSignal.timeout(tryTimeoutMs)
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    // Read to the end, so that the connection can carry the next request.
    await response.arrayBuffer()
    if (!response.ok) return `answered ${response.status}`
    statistics.latenciesMs.push(performance.now() - began)
    return null
  } catch (error) {
    return whyUnanswered(error)
  }
}

/** Why a fetch failed, in a few words: `ECONNREFUSED`, or that nothing came in time. */
export function whyUnanswered(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause ? `no answer (${cause.code})` : 'no answer'
}

async function sleepUntil(time: number): Promise<void> {
  const delayMs = time - Date.now()
  if (delayMs > 0) await sleep(delayMs)
}
