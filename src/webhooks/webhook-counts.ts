/** Counts genuine and refused webhooks in memory, and writes the counts every few seconds. */
import type { WebhookCount } from '../db/webhook-minutes.ts'

export interface WebhookCounts {
  /** In memory: a flood of wrong signatures causes no statements. */
  count(provider: string, isGenuine: boolean): void
  /** Writes the remaining counts. */
  close(): Promise<void>
}

export interface WebhookCountsOptions {
  readonly write: (counts: readonly WebhookCount[]) => Promise<unknown>
  /** Default 10 seconds. */
  readonly writeEveryMs?: number
}

export function createWebhookCounts({ write, writeEveryMs = 10_000 }: WebhookCountsOptions): WebhookCounts {
  let counted = new Map<string, { genuine: number; refused: number }>()
  const flush = async () => {
    if (counted.size === 0) return
    const counts = [...counted].map(([provider, numbers]) => ({ provider, ...numbers }))
    counted = new Map()
    // While the database is unavailable, some seconds' counts are lost: alarms use longer windows.
    await write(counts).catch(() => {})
  }
  const timer = setInterval(() => void flush(), writeEveryMs).unref()
  return {
    count(provider, isGenuine) {
      const numbers = counted.get(provider) ?? { genuine: 0, refused: 0 }
      numbers[isGenuine ? 'genuine' : 'refused'] += 1
      counted.set(provider, numbers)
    },
    async close() {
      clearInterval(timer)
      await flush()
    },
  }
}
