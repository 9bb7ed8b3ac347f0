import assert from 'node:assert/strict'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { claimEvents, releaseEvents } from '../../src/db/event-claims.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

const perMonth = 20_000
const waiting = 10
const provider = 'aisend'

describe('with events in three months, the', () => {
  const database = useDatabase()
  /** The three months: names, and times of receipt of their events. */
  let months: { name: string; at: number }[]

  before(async () => {
    months = (await readEventMonths(database.db))
      .slice(0, 3)
      .map(({ name, until }) => ({ name, at: until.getTime() - 10 * 86_400_000 }))
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    for (const [month, { at }] of months.entries()) await fill(patient, month, at)
    await patient.$executeRaw`VACUUM ANALYZE events`
    await patient.$disconnect()
  })

  /** The last events of each month are pending. */
  const fill = (db: Database, month: number, at: number) => db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until, applied_at)
    SELECT ${provider}, 'evt_' || ${month}::int || '_' || n, 'em_' || n, 'sent', now(), ${new Date(at).toISOString()}::timestamptz, '{}',
           CASE WHEN ${month}::int = 2 OR n <= ${perMonth - waiting} THEN now() + interval '1 minute' END, CASE WHEN n <= ${perMonth - waiting} THEN now() END
    FROM generate_series(1, ${perMonth}) AS n`

  describeBothPlannings(
    () => database.url,
    (explained, turn) => {
      /** The months in which events were looked up by key. */
      async function monthsOf(statement: (db: Database) => Promise<unknown>): Promise<string[]> {
        const plans = await explained().plansOf(statement)
        assert.ok(plans.length > 0, 'no plan was recorded')
        const found = new Set(plans.flatMap(({ lookedUpIn }) => lookedUpIn))
        return [...found].filter((table) => table.startsWith('events_')).sort()
      }
      const month = (index: number) => months[index] ?? assert.fail(`there is no month ${index}`)
      /** A pending event of a month; another one in every turn. */
      const waitingIn = (index: number, nth: number) => `evt_${index}_${perMonth - 2 * nth - turn}`

      it('save of a snapshot reads the months of its events only', async () => {
        const { name, at } = month(1)
        const id = waitingIn(1, 0)
        const save = { provider, emailId: `em_${id}`, snapshot: emptySnapshot, expectedRevision: 0, eventIds: [id] }
        let isSaved = false
        const monthsRead = await monthsOf(async (db) => {
          isSaved = await saveSnapshot(db, { ...save, receivedBetween: [at, at] })
        })
        assert.deepEqual([isSaved, monthsRead], [true, [name]])
      })

      it('release of claimed events reads the months of its events only', async () => {
        const { name, at } = month(2)
        let released = 0
        const monthsRead = await monthsOf(async (db) => {
          released = await releaseEvents(db, [{ provider, id: waitingIn(2, 1), receivedAt: at }])
        })
        assert.deepEqual([released, monthsRead], [1, [name]])
      })

      it('claim of events reads the months of the claimed events only, including their siblings', async () => {
        let claimed: string[] = []
        const monthsRead = await monthsOf(async (db) => {
          claimed = (await claimEvents(db, { window: 100, emails: 1 })).events.map(({ event }) => event.id)
        })
        // The same emails have pending events in the second month, and are claimed in the third.
        assert.equal(claimed.length, 2)
        assert.deepEqual(monthsRead, [month(0).name, month(1).name].sort())
      })

      it('save of events with an unknown time of receipt reads every month', async () => {
        const id = waitingIn(0, 4)
        const save = { provider, emailId: `em_${id}`, snapshot: emptySnapshot, expectedRevision: 0, eventIds: [id] }
        const monthsRead = await monthsOf((db) => saveSnapshot(db, save))
        assert.deepEqual(
          months.map(({ name }) => monthsRead.includes(name)),
          [true, true, true],
        )
      })
    },
  )
})
