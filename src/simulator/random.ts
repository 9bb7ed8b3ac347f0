/** Reproducible random numbers: the same seed gives the same numbers on every machine. */

export interface Random {
  /** From 0 up to, but not including, 1. */
  fraction(): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  /** One element of `from`. */
  pick<const L extends readonly [unknown, ...unknown[]]>(from: L): L[number]
  /** A copy of `items` in random order. */
  shuffled<T>(items: readonly T[]): T[]
}

/** Mulberry32, Tommy Ettinger's public-domain generator: 32 bits of state, a period of 2^32. Not for secrets. */
export function createRandom(seed: number): Random {
  let state = seed | 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (low: number, high: number) => low + Math.floor(fraction() * (high - low + 1))
  return {
    fraction,
    between,
    chance: (probability) => fraction() < probability,
    pick: (from) => from[between(0, from.length - 1)],
    shuffled(items) {
      const order = [...items]
      for (let last = order.length - 1; last > 0; last--) {
        const other = between(0, last)
        const [a, b] = [order[last], order[other]]
        if (a !== undefined && b !== undefined) [order[last], order[other]] = [b, a]
      }
      return order
    },
  }
}
