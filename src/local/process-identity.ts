/** Which process a number stands for: pids are reused, the pair of pid and start time is not. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface ProcessIdentity {
  readonly pid: number
  /** In the operating system's own words; only ever compared. */
  readonly startedAt: string
}

/** Who has this pid now; null if nobody has. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const startedAt = process.platform === 'linux' ? await startedAtOnLinux(pid) : await startedAtByPs(pid)
  return startedAt === null ? null : { pid, startedAt }
}

/** Whether that very process still runs. */
export async function isAlive({ pid, startedAt }: ProcessIdentity): Promise<boolean> {
  return (await identify(pid))?.startedAt === startedAt
}

/** Field 22 of /proc/pid/stat, in clock ticks since boot, with the boot itself: proc(5). Zombies count as gone. */
async function startedAtOnLinux(pid: number): Promise<string | null> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ])
    // The name in parentheses may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : `${bootId.trim()} ${fields[19]}`
  } catch {
    return null
  }
}

async function startedAtByPs(pid: number): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)])
    return stdout.trim() || null
  } catch {
    return null
  }
}
