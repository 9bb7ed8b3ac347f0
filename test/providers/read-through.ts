/** Reads what a provider's API has in pages, to the end. */
import type { ReceivedEvent } from '../../src/domain/events.ts'
import type { EventHistory, HistoryPage, ListedAddress, SuppressionLists } from '../../src/providers/provider-api.ts'

export async function recordOf(history: EventHistory, window: { from: number; to: number }): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = []
  let cursor: string | null = null
  do {
    const page: HistoryPage = await history.read(window, cursor)
    events.push(...page.events)
    cursor = page.next
  } while (cursor !== null)
  return events
}

export async function listOf(lists: SuppressionLists): Promise<ListedAddress[]> {
  const entries: ListedAddress[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<SuppressionLists['read']>> = await lists.read(cursor)
    entries.push(...page.entries)
    cursor = page.next
  } while (cursor !== null)
  return entries
}

/** What the event of a webhook and that of an API have in common, in one order. */
export const sameIn = (events: readonly ReceivedEvent[]) =>
  events.map(({ payload, receivedAt, ...same }) => same).sort((one, other) => one.id.localeCompare(other.id))
