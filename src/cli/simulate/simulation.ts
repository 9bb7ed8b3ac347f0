/** One simulation from plan to verdict. */
import type { ProviderEntry } from '../../providers/registry.ts'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../command-context.ts'
import type { Target } from '../target.ts'
import type { Difference } from './comparison.ts'
import { dialectOf, toldBy } from './dialects/dialect.ts'
import { createGate } from './gate.ts'
import type { SimulateOptions } from './options.ts'
import { expectedOf } from './oracle.ts'
import { type PlannedEmail, planEmails } from './plan.ts'
import { createProgress } from './progress.ts'
import { playPlan, requestsIn } from './provider.ts'
import { createReader } from './reader.ts'
import { reportOf, sentTable, verdict } from './report.ts'
import { createStatistics, type Statistics } from './statistics.ts'
import { verifyEmails } from './verify.ts'

/** Where a simulation speaks: results, and progress. */
export type Output = Pick<CommandContext, 'print' | 'progress'>

interface Run {
  readonly options: SimulateOptions
  readonly target: Target
  readonly provider: ProviderEntry
  readonly plan: readonly PlannedEmail[]
  /** Epoch milliseconds, as fine as the provider tells time. */
  readonly beginsAt: number
  readonly output: Output
}

/** @returns the exit code: 0, or 1 when something could not be delivered or differs. */
export async function simulate(
  options: SimulateOptions,
  target: Target,
  provider: ProviderEntry,
  output: Output,
): Promise<number> {
  const { grainMs, emailIdOf } = dialectOf(provider)
  const say = options.json ? () => {} : output.print
  const plan = toldBy(provider, planEmails({ ...options, grainMs, emailIdOf }))
  const run = { options, target, provider, plan, output, beginsAt: Math.ceil(Date.now() / grainMs) * grainMs }
  say(
    `${options.emails} emails at ${options.rate} a second to ${target.apiUrl} as ${provider.title}, seed ${options.seed}, run ${options.run}`,
  )
  const statistics = await play(run)
  say(`\n${sentTable(statistics)}`)
  const differences = options.verify ? await verify(run) : null
  if (differences) say(`\n${verdict(plan.length, differences)}`)
  if (options.json) output.print(JSON.stringify(reportOf(options, statistics, differences)))
  return statistics.failures.size === 0 && (differences ?? []).length === 0 ? exitCodes.well : exitCodes.notWell
}

async function play({ options, target, provider, plan, beginsAt, output }: Run): Promise<Statistics> {
  const { concurrency, timeoutMs, showsProgress } = options
  const statistics = createStatistics()
  const progress = createProgress('posting', requestsIn(plan), showsProgress, output.progress)
  let done = 0
  const onDone = () => progress.update(++done)
  const gate = createGate(concurrency)
  await playPlan(plan, { target, provider, gate, statistics, timeoutMs, beginsAt, onDone })
  progress.stop()
  return statistics
}

async function verify({ options, target, plan, beginsAt, output }: Run): Promise<Difference[]> {
  const { concurrency, timeoutMs, showsProgress } = options
  const expected = plan.map((email) => expectedOf(email, beginsAt + email.startsAfterMs))
  const progress = createProgress('verifying', expected.length, showsProgress, output.progress)
  const reader = createReader(target, createGate(concurrency))
  const differences = await verifyEmails(expected, { reader, timeoutMs, onVerified: progress.update })
  progress.stop()
  return differences
}
