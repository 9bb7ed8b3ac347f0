/** One schedule. Its seed determines everything. */
import { endFaults, faultsMs, injectFaults } from './fault-injection.ts'
import { finalViolations, pendingWork, watchCommits } from './invariants.ts'
import { maxDelayMs } from './network.ts'
import { searchPeriodically } from './overdue-search.ts'
import { Senders } from './senders.ts'
import { World } from './world.ts'

/** Changes a world before it starts. */
export type Mutation = (world: World) => void

/** After the last fault the system must become idle within this. */
const idleWithinMs = 3 * 3_600_000

const checkEverySteps = 16

/** @returns the violations; empty if there are none. */
export async function runSchedule(seed: number, mutate: Mutation = () => {}): Promise<string[]> {
  const world = new World(seed)
  const { scheduler } = world
  const senders = new Senders(world)
  mutate(world)
  watchCommits(world)
  for (let n = 1 + world.random.below(2); n > 0; n--) world.startInbox()
  for (let n = 1 + world.random.below(2); n > 0; n--) world.startWorker()
  searchPeriodically(world)
  senders.start()
  injectFaults(world)

  const startedAt = scheduler.now
  while (scheduler.now < startedAt + faultsMs && found(world).length === 0) await scheduler.step()
  endFaults(world)
  const endedAt = scheduler.now
  for (let steps = 1; found(world).length === 0; steps++) {
    await scheduler.step()
    if (steps % checkEverySteps !== 0) continue
    // A late request may still have an effect.
    const isQuiet = scheduler.now > endedAt + maxDelayMs && senders.open === 0
    const isIdle = isQuiet && pendingWork(world).length === 0
    if (isIdle) return [...found(world), ...finalViolations(world)]
    if (scheduler.now > endedAt + idleWithinMs) return [`not idle after three hours: ${pendingWork(world).join(', ')}`]
  }
  return found(world)
}

const found = (world: World): string[] => [...world.violations, ...world.temporal.violations]
