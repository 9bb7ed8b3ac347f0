/** One simulation from plan to verdict. */
import type { Target } from '../target.ts'
import { createGate } from './gate.ts'
import type { SimulateOptions } from './options.ts'
import { expectedOf } from './oracle.ts'
import { type PlannedEmail, planEmails } from './plan.ts'
import { createProgress } from './progress.ts'
import { playPlan, requestsIn } from './provider.ts'
import { createReader } from './reader.ts'
import { sentTable, verdict } from './report.ts'
import { createStatistics, type Statistics } from './statistics.ts'
import { verifyEmails } from './verify.ts'

/** Where a simulation speaks: results, and progress. */
export interface Output {
  readonly print: (text: string) => void
  readonly progress: NodeJS.WriteStream
}

/** @returns the exit code: 0, or 1 when something could not be delivered or differs. */
export async function simulate(options: SimulateOptions, target: Target, output: Output): Promise<number> {
  const plan = planEmails(options)
  const beginsAt = Date.now()
  output.print(
    `${options.emails} emails at ${options.rate} a second to ${target.apiUrl}, seed ${options.seed}, run ${options.run}`,
  )
  const statistics = await play(plan, beginsAt, options, target, output)
  output.print(`\n${sentTable(statistics)}`)
  const differences = options.verify ? await verify(plan, beginsAt, options, target, output) : 0
  return statistics.failures.size === 0 && differences === 0 ? 0 : 1
}

async function play(
  plan: readonly PlannedEmail[],
  beginsAt: number,
  { concurrency, timeoutMs, showsProgress }: SimulateOptions,
  target: Target,
  output: Output,
): Promise<Statistics> {
  const statistics = createStatistics()
  const progress = createProgress('posting', requestsIn(plan), showsProgress, output.progress)
  let done = 0
  const onDone = () => progress.update(++done)
  await playPlan(plan, { target, gate: createGate(concurrency), statistics, timeoutMs, beginsAt, onDone })
  progress.stop()
  return statistics
}

async function verify(
  plan: readonly PlannedEmail[],
  beginsAt: number,
  { concurrency, timeoutMs, showsProgress }: SimulateOptions,
  target: Target,
  output: Output,
): Promise<number> {
  const expected = plan.map((email) => expectedOf(email, beginsAt + email.startsAfterMs))
  const progress = createProgress('verifying', expected.length, showsProgress, output.progress)
  const reader = createReader(target, createGate(concurrency))
  const differences = await verifyEmails(expected, { reader, timeoutMs, onVerified: progress.update })
  progress.stop()
  output.print(`\n${verdict(expected.length, differences)}`)
  return differences.length
}
