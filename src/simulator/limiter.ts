/** Limits how many tasks run at the same time. The others wait in order. */
export function createLimiter(limit: number) {
  const waiting: (() => void)[] = []
  let free = limit
  return async function run<T>(task: () => Promise<T>): Promise<T> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      // Handed to the next task directly: a task that starts now must not overtake it.
      if (next) next()
      else free += 1
    }
  }
}

export type Limiter = ReturnType<typeof createLimiter>
