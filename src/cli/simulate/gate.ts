/** Lets a limited number of tasks run at once; the others wait in the order in which they came. */
export function createGate(limit: number) {
  const waiting: (() => void)[] = []
  let free = limit
  return async function pass<T>(task: () => Promise<T>): Promise<T> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      // The place goes from hand to hand, so that nobody who comes now takes it from the one who waited.
      if (next) next()
      else free += 1
    }
  }
}

export type Gate = ReturnType<typeof createGate>
