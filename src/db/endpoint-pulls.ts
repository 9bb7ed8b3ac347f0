/** Statements on endpoints without a URL, from which a program pulls. */
import type { Database } from './database.ts'
import { deleteEndpoint } from './endpoints.ts'

/** Index: endpoints_pkey. */
export const notePull = (db: Database, id: string): Promise<unknown> =>
  db.endpoint.updateMany({ where: { id }, data: { pulledAt: new Date() } })

/** Deletes those from which nobody has pulled since: their program was killed. There are few endpoints. @returns how many. */
export async function deleteAbandonedEndpoints(db: Database, since: Date): Promise<number> {
  const abandoned = await db.endpoint.findMany({
    where: {
      ...{ url: null, deletedAt: null },
      OR: [{ pulledAt: { lt: since } }, { pulledAt: null, createdAt: { lt: since } }],
    },
    select: { id: true },
  })
  for (const { id } of abandoned) await deleteEndpoint(db, id)
  return abandoned.length
}
