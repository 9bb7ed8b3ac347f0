/** How many webhooks came and how many were not genuine: counted in memory, and written down every few seconds. */
import type { WebhookCount } from '../db/webhook-minutes.ts'

export interface WebhookCounts {
  /** Costs two additions: whoever floods us with wrong signatures makes no more statements than anybody else. */
  count(provider: string, isGenuine: boolean): void
  /** Writes down what is left. */
  close(): Promise<void>
}

export interface WebhookCountsOptions {
  readonly write: (counts: readonly WebhookCount[]) => Promise<unknown>
  /** Default 10 seconds. */
  readonly writeEveryMs?: number
}

export function createWebhookCounts({ write, writeEveryMs = 10_000 }: WebhookCountsOptions): WebhookCounts {
  let counted = new Map<string, { genuine: number; refused: number }>()
  const writeDown = async () => {
    if (counted.size === 0) return
    const counts = [...counted].map(([provider, numbers]) => ({ provider, ...numbers }))
    counted = new Map()
    // A database that is away loses some seconds' counts, by which nobody is misled for long.
    await write(counts).catch(() => {})
  }
  const timer = setInterval(() => void writeDown(), writeEveryMs).unref()
  return {
    count(provider, isGenuine) {
      const numbers = counted.get(provider) ?? { genuine: 0, refused: 0 }
      numbers[isGenuine ? 'genuine' : 'refused'] += 1
      counted.set(provider, numbers)
    },
    async close() {
      clearInterval(timer)
      await writeDown()
    },
  }
}
