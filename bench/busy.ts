import { type ChildProcess, spawn } from 'node:child_process'

/** Measures while so many processes do nothing but take the cores' time. */
export async function beside<T>(count: number, measure: () => Promise<T>): Promise<T> {
  const busy: ChildProcess[] = Array.from({ length: count }, () => spawn(process.execPath, ['-e', 'for (;;);']))
  try {
    return await measure()
  } finally {
    for (const child of busy) child.kill('SIGKILL')
  }
}
