/** Reads rows by key, one statement at a time: many requests at one moment, such as those with invented cookies, share the next one. */

interface Group<Row> {
  readonly keys: Set<string>
  readonly rows: Promise<ReadonlyMap<string, Row>>
}

/** @param read reads the rows with these keys. @returns the row with a key; null if there is none. */
export function groupedLookup<Row>(
  read: (keys: readonly string[]) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): (key: string) => Promise<Row | null> {
  let next: Group<Row> | null = null
  let running: Promise<unknown> = Promise.resolve()

  const startGroup = (): Group<Row> => {
    const keys = new Set<string>()
    const rows = running.then(async () => {
      next = null
      return new Map((await read([...keys])).map((row) => [keyOf(row), row]))
    })
    // Whoever waits for the rows gets the error.
    running = rows.catch(() => {})
    return { keys, rows }
  }

  return async (key) => {
    next ??= startGroup()
    next.keys.add(key)
    return (await next.rows).get(key) ?? null
  }
}
