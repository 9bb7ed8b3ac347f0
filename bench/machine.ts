/** What the figures were measured on, for bench/README.md. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

export function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30)
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${memory} GiB, Node ${process.versions.node}`
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Whether a goal was met, in a word for the table. */
export const verdict = (met: boolean): string => (met ? 'met' : 'MISSED')

/** The revision that is measured. */
export const revision = (): string => execFileSync('git', ['describe', '--always', '--dirty']).toString().trim()

/** Runs `work` for every item, so many at once. */
export async function atOnce<T>(many: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: many }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}
