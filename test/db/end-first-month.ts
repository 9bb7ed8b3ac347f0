import type { Database } from '../../src/db/database.ts'
import { readEventMonths } from '../../src/db/event-months.ts'

const dayMs = 86_400_000

/** Makes the first month end in the past: its end can be changed, the clock cannot. Drops the months ahead. */
export async function endFirstMonth(db: Database, daysAgo: number): Promise<void> {
  const ends = new Date(Date.now() - daysAgo * dayMs).toISOString()
  const [first, ...ahead] = (await readEventMonths(db)).map(({ name }) => name)
  for (const name of ahead) await db.pool.query(`DROP TABLE ${name}`)
  await db.pool.query(`ALTER TABLE events DETACH PARTITION ${first}`)
  await db.pool.query(`ALTER TABLE events ATTACH PARTITION ${first} FOR VALUES FROM (MINVALUE) TO ('${ends}')`)
}
