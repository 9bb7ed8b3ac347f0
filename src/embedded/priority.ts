/** Scheduling priority of processes on a machine that is short of CPU. */
import { readdir, writeFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'

/** About a tenth of the CPU time of a process with an unchanged priority. */
const steps = 10
const lowest = 19

/**
 * Lowers the priority of a process below that of this one. Called once it is ready, so that its start is not delayed. On 2 overloaded cores
 * the p99 of acknowledgements was 160 to 230 ms with equal priorities, 130 to 160 ms with a lower one for the worker, and 35 to 52 ms with
 * a lower one for the worker and Temporal.
 * @param hasOwnSession whether it leads a session. Linux may divide CPU time among sessions before processes (autogroup in sched(7)): the
 * priority of its session is lowered too.
 */
export async function lowerPriority(pid: number, hasOwnSession: boolean): Promise<void> {
  const niceness = Math.min(lowest, getPriority() + steps)
  for (const thread of await threadsOf(pid)) {
    try {
      setPriority(thread, niceness)
    } catch {
      // The process has ended already, which its parent sees by its exit.
    }
  }
  // The file exists only where autogroup is enabled.
  if (hasOwnSession) await writeFile(`/proc/${pid}/autogroup`, String(niceness)).catch(() => {})
}

/** Linux has a priority for each thread; new threads inherit it from the thread that creates them. */
const threadsOf = async (pid: number): Promise<number[]> =>
  (await readdir(`/proc/${pid}/task`).catch(() => [String(pid)])).map(Number)
