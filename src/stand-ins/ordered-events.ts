/** Pages of a log of events in the order of their times. By halving: a log may have 200,000 events, and a page is asked for 2,000 times. */

export interface Place {
  /** Epoch milliseconds. */
  readonly at: number
  /** Of events at the same time. */
  readonly number: number
}

export const byPlace = (a: Place, b: Place): number => a.at - b.at || a.number - b.number

/** The events after a place, or from a time on. */
export function* ascending<Event extends Place>(
  sorted: readonly Event[],
  after: Place | null,
  from: number,
): Generator<Event> {
  const begin = after ?? { at: from, number: -1 }
  for (let at = countWhere(sorted, (event) => byPlace(event, begin) <= 0); at < sorted.length; at += 1)
    yield sorted[at] as Event
}

/** The events before a place, or up to a time, the newest first. */
export function* descending<Event extends Place>(
  sorted: readonly Event[],
  before: Place | null,
  to: number,
): Generator<Event> {
  const end = before ?? { at: to, number: Number.MAX_SAFE_INTEGER }
  for (let at = countWhere(sorted, (event) => byPlace(event, end) < 0) - 1; at >= 0; at -= 1) yield sorted[at] as Event
}

/** How many events at the beginning meet a condition that no later one meets. */
function countWhere<Event>(sorted: readonly Event[], isMet: (event: Event) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (isMet(sorted[middle] as Event)) low = middle + 1
    else high = middle
  }
  return low
}
