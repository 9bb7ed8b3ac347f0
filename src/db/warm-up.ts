/** Prepares the first request after a start. */
import type { Database } from './database.ts'

/** Opens connections and makes Prisma load its query compiler. A connection that fails is opened when it is needed. */
export async function warmUp(db: Database, connections: number): Promise<void> {
  const opened = await Promise.allSettled(Array.from({ length: connections }, () => db.pool.connect()))
  for (const connection of opened) if (connection.status === 'fulfilled') connection.value.release()
  await db.email.findFirst({ where: { id: '', provider: '' }, select: { id: true } })
}
