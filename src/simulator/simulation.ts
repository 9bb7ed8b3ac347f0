/** Runs one simulation: plans, sends, verifies, and prints the report. */

import type { ProviderEntry } from '../providers/provider.ts'
import type { ProviderStandIn } from '../stand-ins/stand-in.ts'
import type { Difference } from './comparison.ts'
import { createLimiter } from './limiter.ts'
import type { Output, SimulateOptions, Target } from './options.ts'
import { expectedEmail } from './oracle.ts'
import { type PlannedEmail, planEmails, planFor } from './plan.ts'
import { fillStandIn } from './played-stand-in.ts'
import { createProgress } from './progress.ts'
import { lastPostOf, withFaults, withoutLostEngagements } from './provider-faults.ts'
import { createReader } from './reader.ts'
import { type Reconciliation, reconcile } from './reconciling.ts'
import { reportOf, sentTable, verdict } from './report.ts'
import { requestCount, type SendOptions, sendPlan } from './sender.ts'
import { createStatistics, type Statistics } from './statistics.ts'
import { verifyEmails } from './verify.ts'

interface Run {
  readonly options: SimulateOptions
  readonly target: Target
  readonly provider: ProviderEntry
  readonly plan: readonly PlannedEmail[]
  /** Epoch milliseconds, in the resolution of the provider's timestamps. */
  readonly startsAt: number
  readonly output: Output
  readonly standIn: PlayedStandIn | null
}

/** A stand-in, and how the provider's record is read. */
export interface SimulatedApi {
  readonly standIn: ProviderStandIn
  /** How long an event may be missing from the record; null for a provider without one that can be compared. */
  readonly delayMs: number | null
}

interface PlayedStandIn extends SimulatedApi {
  /**
   * By how much all events are earlier than their webhooks, so that they are old enough to be compared when the last one is posted.
   * Milliseconds.
   */
  readonly earlierMs: number
  readonly webhook: NonNullable<SendOptions['standInWebhook']>
}

/**
 * @param api the provider's stand-in, with its faults in `options`; null to post webhooks alone.
 * @returns whether every request was accepted and no email differs from its expected state.
 * @throws ConfigurationError if Aftersend does not reconcile with the stand-in.
 */
export async function simulate(
  options: SimulateOptions,
  target: Target,
  provider: ProviderEntry,
  output: Output,
  api: SimulatedApi | null = null,
): Promise<boolean> {
  const print = options.json ? () => {} : output.print
  const run = runOf(options, target, provider, output, api)
  print(
    `${options.emails} emails at ${options.rate} a second to ${target.apiUrl} as ${provider.title}, seed ${options.seed}, run ${options.run}`,
  )
  const statistics = await send(run)
  print(`\n${sentTable(statistics)}`)
  const reconciled = run.standIn && (await reconcileWith(run.standIn, run, print))
  const differences = options.verify ? await verify(run) : null
  if (differences) print(`\n${verdict(run.plan.length, differences)}`)
  if (options.json) output.print(JSON.stringify(reportOf(options, statistics, differences, reconciled)))
  return statistics.failures.size === 0 && (differences ?? []).length === 0
}

function runOf(
  options: SimulateOptions,
  target: Target,
  provider: ProviderEntry,
  output: Output,
  api: SimulatedApi | null,
): Run {
  const { timeResolutionMs, emailIdOf } = provider.sampleFormat
  const planned = planFor(provider, planEmails({ ...options, timeResolutionMs, emailIdOf }))
  const plan = options.standIn ? withFaults(planned, options.standIn.faults, options) : planned
  const startsAt = Math.ceil(Date.now() / timeResolutionMs) * timeResolutionMs
  const run = { options, target, provider, plan, startsAt, output }
  if (!api) return { ...run, standIn: null }
  const earlierMs = Math.ceil((lastPostOf(plan) + (api.delayMs ?? 0)) / 1_000) * 1_000
  return { ...run, standIn: { ...api, earlierMs, webhook: fillStandIn(api.standIn, plan, startsAt - earlierMs) } }
}

async function send({ options, target, provider, plan, startsAt, output, standIn }: Run): Promise<Statistics> {
  const { concurrency, timeoutMs, showsProgress } = options
  const statistics = createStatistics()
  const progress = createProgress('posting', requestCount(plan), showsProgress, output.progress)
  let done = 0
  const onDone = () => progress.update(++done)
  const limit = createLimiter(concurrency)
  const standInWebhook = standIn?.webhook
  await sendPlan(plan, { target, provider, limit, statistics, timeoutMs, startsAt, onDone, standInWebhook })
  progress.stop()
  return statistics
}

async function reconcileWith(
  { delayMs, earlierMs }: PlayedStandIn,
  { target, provider, options, startsAt }: Run,
  print: (text: string) => void,
): Promise<Reconciliation | null> {
  if (delayMs === null) {
    const why = provider.createApi
      ? 'record that can be compared: Aftersend asks about an email when it has stalled'
      : 'API'
    print(`\n${provider.title} has no ${why}`)
    return null
  }
  const askedAt = performance.now()
  const found = await reconcile({ target, provider, timeoutMs: options.timeoutMs }, startsAt - earlierMs)
  const seconds = ((performance.now() - askedAt) / 1_000).toFixed(1)
  print(
    `\nreconciled in ${seconds} s: ${found.compared} events compared, ${found.missing} of ${found.emails} emails were missing`,
  )
  return found
}

async function verify({ options, target, plan, startsAt, output, standIn }: Run): Promise<Difference[]> {
  const { concurrency, timeoutMs, showsProgress } = options
  const beginsAt = startsAt - (standIn?.earlierMs ?? 0)
  const expected = plan.map((email) => ({
    ...expectedEmail(standIn ? withoutLostEngagements(email) : email, beginsAt + email.startsAfterMs),
    mayBeReconciled: standIn !== null,
  }))
  const progress = createProgress('verifying', expected.length, showsProgress, output.progress)
  const reader = createReader(target, createLimiter(concurrency))
  const differences = await verifyEmails(expected, { reader, timeoutMs, onVerified: progress.update })
  progress.stop()
  return differences
}
