/** Reconciles with a stand-in for Mailgun, whose pages are the largest, again and again, until its parent lets it go. */
import { createDatabase } from '../src/db/database.ts'
import { schedulePool } from '../src/db/pools.ts'
import { reconcileDay, startSilentDay } from './silent-day.ts'

const [, , url = ''] = process.argv
const db = createDatabase({ url, ...schedulePool })
const day = await startSilentDay('mailgun', 5_000)
process.once('disconnect', () => process.exit(0))
process.send?.({ port: 0 })
for (;;) {
  await reconcileDay(db, day, { factor: 1 })
  // All of it is missing again.
  await db.$executeRaw`DELETE FROM events WHERE provider = 'mailgun'`
  await db.$executeRaw`DELETE FROM event_identities WHERE provider = 'mailgun'`
  await db.$executeRaw`DELETE FROM reconciliations`
}
