import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Whether a process runs. A zombie, which its parent has not waited for yet, does not. */
export async function isRunning(pid: number): Promise<boolean> {
  const ps = promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)])
  // ps fails if there is no such process.
  const { stdout } = await ps.catch(() => ({ stdout: '' }))
  return /^\s*[^\sZ]/.test(stdout)
}
