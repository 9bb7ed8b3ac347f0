/** Runs one simulation: plans, sends, verifies, and prints the report. */

import type { ProviderEntry } from '../providers/provider.ts'
import type { Difference } from './comparison.ts'
import { createLimiter } from './limiter.ts'
import type { Output, SimulateOptions, Target } from './options.ts'
import { expectedEmail } from './oracle.ts'
import { type PlannedEmail, planEmails, planFor } from './plan.ts'
import { createProgress } from './progress.ts'
import { createReader } from './reader.ts'
import { reportOf, sentTable, verdict } from './report.ts'
import { requestCount, sendPlan } from './sender.ts'
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
}

/** @returns whether every request was accepted and no email differs from its expected state. */
export async function simulate(
  options: SimulateOptions,
  target: Target,
  provider: ProviderEntry,
  output: Output,
): Promise<boolean> {
  const { timeResolutionMs, emailIdOf } = provider.sampleFormat
  const print = options.json ? () => {} : output.print
  const plan = planFor(provider, planEmails({ ...options, timeResolutionMs, emailIdOf }))
  const run = {
    options,
    target,
    provider,
    plan,
    output,
    startsAt: Math.ceil(Date.now() / timeResolutionMs) * timeResolutionMs,
  }
  print(
    `${options.emails} emails at ${options.rate} a second to ${target.apiUrl} as ${provider.title}, seed ${options.seed}, run ${options.run}`,
  )
  const statistics = await send(run)
  print(`\n${sentTable(statistics)}`)
  const differences = options.verify ? await verify(run) : null
  if (differences) print(`\n${verdict(plan.length, differences)}`)
  if (options.json) output.print(JSON.stringify(reportOf(options, statistics, differences)))
  return statistics.failures.size === 0 && (differences ?? []).length === 0
}

async function send({ options, target, provider, plan, startsAt, output }: Run): Promise<Statistics> {
  const { concurrency, timeoutMs, showsProgress } = options
  const statistics = createStatistics()
  const progress = createProgress('posting', requestCount(plan), showsProgress, output.progress)
  let done = 0
  const onDone = () => progress.update(++done)
  const limit = createLimiter(concurrency)
  await sendPlan(plan, { target, provider, limit, statistics, timeoutMs, startsAt, onDone })
  progress.stop()
  return statistics
}

async function verify({ options, target, plan, startsAt, output }: Run): Promise<Difference[]> {
  const { concurrency, timeoutMs, showsProgress } = options
  const expected = plan.map((email) => expectedEmail(email, startsAt + email.startsAfterMs))
  const progress = createProgress('verifying', expected.length, showsProgress, output.progress)
  const reader = createReader(target, createLimiter(concurrency))
  const differences = await verifyEmails(expected, { reader, timeoutMs, onVerified: progress.update })
  progress.stop()
  return differences
}
