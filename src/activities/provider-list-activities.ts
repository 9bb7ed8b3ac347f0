/** Takes over what the providers' own suppression lists have, page by page. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Context, heartbeat } from '@temporalio/activity'
import { addFromProvider } from '../db/provider-lists.ts'
import type { SuppressionLists } from '../providers/provider-api.ts'
import { onDatabase } from './database-failure.ts'
import type { ReconcileDependencies } from './dependencies.ts'
import { providerFailure } from './provider-failure.ts'
import type { ProviderListActivities } from './scheduled-activities.ts'

export const createProviderListActivities = ({
  db,
  providerApis,
  clock,
}: Pick<ReconcileDependencies, 'db' | 'providerApis' | 'clock'>): ProviderListActivities => {
  const listsOf = (provider: string): SuppressionLists | undefined => providerApis.get(provider)?.suppressionLists
  return {
    providersWithLists: async () => [...providerApis.keys()].filter((provider) => listsOf(provider)),

    async mergeSuppressions({ provider }) {
      const lists = listsOf(provider)
      const sum = { listed: 0, added: 0 }
      if (!lists) return sum
      let cursor: string | null = null
      let dueAt = clock()
      do {
        const page: ListPage = await lists.read(cursor).catch((error) => {
          throw providerFailure(error)
        })
        const { entries } = page
        if (entries.length > 0)
          sum.added += await onDatabase('ListRejected', () => addFromProvider(db, provider, entries))
        sum.listed += entries.length
        cursor = page.next
        heartbeat()
        if (cursor !== null) dueAt = await untilNextRequest(lists.requestsPerSecond, dueAt, clock())
      } while (cursor !== null)
      return sum
    },
  }
}

type ListPage = Awaited<ReturnType<SuppressionLists['read']>>

/**
 * The published limit is kept by waiting between requests, which are made one after the other. One that is late is made up for, by up to one
 * request: a token bucket that holds two.
 * @param dueAt when the last request was due. @returns when the next one is.
 */
export async function untilNextRequest(requestsPerSecond: number, dueAt: number, now: number): Promise<number> {
  const periodMs = 1_000 / requestsPerSecond
  const nextAt = Math.max(dueAt + periodMs, now - periodMs)
  if (nextAt > now) await sleep(nextAt - now, undefined, { signal: Context.current().cancellationSignal })
  return nextAt
}
