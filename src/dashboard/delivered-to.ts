/** To how many of its recipients each email of a list was delivered. */
import type { Database } from '../db/database.ts'
import { countDelivered } from '../db/email-recipients-read.ts'
import type { Email } from '../db/generated/client.ts'
import { deliveredToKey } from './components/email-table.tsx'
import type { DeliveredTo } from './components/status.tsx'

/** Of emails that are partly delivered, in one statement; without any, none is executed. */
export async function readDeliveredTo(
  db: Database,
  emails: readonly Email[],
): Promise<ReadonlyMap<string, DeliveredTo>> {
  const partly = emails.filter(({ status }) => status === 'partly_delivered')
  const counts = await countDelivered(
    db,
    partly.map(({ id }) => id),
  )
  return new Map(counts.map((count) => [deliveredToKey(count.provider, count.emailId), count]))
}
