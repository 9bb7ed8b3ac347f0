/** What a check found. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string
  /** `warning`: it works, and may not for long. `skipped`: it could not be looked at. */
  readonly state: 'well' | 'warning' | 'wrong' | 'skipped'
  /** What is so; without any secret. */
  readonly found: string
  /** What to do about it; null where all is well. */
  readonly todo: string | null
}

export const well = (check: string, found: string): Finding => ({ check, state: 'well', found, todo: null })
export const wrong = (check: string, found: string, todo: string): Finding => ({ check, state: 'wrong', found, todo })
export const warning = (check: string, found: string, todo: string): Finding => ({
  ...wrong(check, found, todo),
  state: 'warning',
})
export const skipped = (check: string, found: string, todo: string): Finding => ({
  ...wrong(check, found, todo),
  state: 'skipped',
})

/** Events carry the provider's clock and deadlines ours: what is a second apart shows, half a minute misleads. */
const [visibleMs, misleadingMs] = [1_000, 30_000]

/**
 * How far another clock is from ours.
 * @param aheadMs how far it is ahead, known up to `exactnessMs`.
 */
export function clockFinding(whose: string, aheadMs: number, exactnessMs: number): Finding {
  const offMs = Math.max(0, Math.abs(aheadMs) - exactnessMs)
  const check = `clock of ${whose}`
  if (offMs < visibleMs) return well(check, 'agrees with ours')
  const found = `is ${(Math.abs(aheadMs) / 1_000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ours`
  const todo = 'let both machines keep their time by NTP: deadlines and the order of events go by it'
  return offMs < misleadingMs ? warning(check, found, todo) : wrong(check, found, todo)
}

/** An error in its own words, or by its code where it has none, as those of several addresses have. */
export const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message || String('code' in error ? error.code : error.name) : String(error)
