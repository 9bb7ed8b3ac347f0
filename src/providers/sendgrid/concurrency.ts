/** Few requests at once: SendGrid asks callers to keep concurrent ones few. */
const requestsAtOnce = 5

/** What `read` returns for each item, in the order of the items. Stops at the first failure. */
export async function readInGroups<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = []
  for (let start = 0; start < items.length; start += requestsAtOnce) {
    const group = await Promise.all(items.slice(start, start + requestsAtOnce).map(read))
    results.push(...group.flat())
  }
  return results
}
