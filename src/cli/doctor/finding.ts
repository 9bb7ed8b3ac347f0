/** The result of a check. */
export interface Finding {
  /** The name of the check. */
  readonly check: string
  /** `warning`: it works now, but may fail later. `skipped`: it could not be checked. */
  readonly state: 'well' | 'warning' | 'wrong' | 'skipped'
  /** Never contains a secret. */
  readonly found: string
  /** What to do; null if nothing. */
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

/** Times of events are by the provider's clock, deadlines by ours. */
const [warningFromMs, wrongFromMs] = [1_000, 30_000]

/**
 * The difference of another clock from ours.
 * @param aheadMs how far it is ahead, with an error of up to `errorMs`.
 */
export function clockFinding(owner: string, aheadMs: number, errorMs: number): Finding {
  const offMs = Math.max(0, Math.abs(aheadMs) - errorMs)
  const check = `clock of ${owner}`
  if (offMs < warningFromMs) return well(check, 'agrees with this machine')
  const found = `is ${(Math.abs(aheadMs) / 1_000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`
  const todo = 'synchronise both clocks by NTP: deadlines and the order of events depend on them'
  return offMs < wrongFromMs ? warning(check, found, todo) : wrong(check, found, todo)
}
