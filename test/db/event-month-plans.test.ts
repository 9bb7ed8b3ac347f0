import assert from 'node:assert/strict'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import type { EventKey } from '../../src/db/events.ts'
import { claimOverdueEvents, extendLeases, readWaiting } from '../../src/db/leases.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { unheardOf } from '../../src/domain/lifecycle.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

const perMonth = 20_000
const waiting = 10
const provider = 'aisend'

describe('with events in three months, the', () => {
  let database: TestDatabase
  /** The three months: their names, and when the events of each were received. */
  let months: { name: string; at: number }[]

  before(async () => {
    database = await testDatabase()
    months = (await readEventMonths(database.db))
      .slice(0, 3)
      .map(({ name, until }) => ({ name, at: until.getTime() - 10 * 86_400_000 }))
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    for (const [month, { at }] of months.entries()) await fill(patient, month, at)
    await patient.$executeRaw`VACUUM ANALYZE events`
    await patient.$disconnect()
  })
  after(() => database.drop())

  /** The last events of each month wait. */
  const fill = (db: Database, month: number, at: number) => db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until, applied_at)
    SELECT ${provider}, 'evt_' || ${month}::int || '_' || n, 'em_' || n, 'sent', now(), ${new Date(at).toISOString()}::timestamptz, '{}',
           now() + (${month}::int - 1) * interval '1 minute', CASE WHEN n <= ${perMonth - waiting} THEN now() END
    FROM generate_series(1, ${perMonth}) AS n`

  describeBothPlannings(
    () => database.url,
    (explained, turn) => {
      /** The months that events were looked up in by their key. */
      async function monthsOf(statement: (db: Database) => Promise<unknown>): Promise<string[]> {
        const plans = await explained().plansOf(statement)
        assert.ok(plans.length > 0, 'no plan was heard of')
        const found = new Set(plans.flatMap(({ lookedUpIn }) => lookedUpIn))
        return [...found].filter((table) => table.startsWith('events_')).sort()
      }
      const month = (index: number) => months[index] ?? assert.fail(`there is no month ${index}`)
      /** An event of a month that waits; another one in every turn. */
      const waitingIn = (index: number, nth: number) => `evt_${index}_${perMonth - 2 * nth - turn}`

      it('save of a snapshot looks into the months of its events only', async () => {
        const { name, at } = month(1)
        const id = waitingIn(1, 0)
        const save = { provider, emailId: `em_${id}`, snapshot: unheardOf, expectedRevision: 0, eventIds: [id] }
        let isSaved = false
        const looked = await monthsOf(async (db) => {
          isSaved = await saveSnapshot(db, { ...save, receivedBetween: [at, at] })
        })
        assert.deepEqual([isSaved, looked], [true, [name]])
      })

      it('extension of leases looks into the months of its events only', async () => {
        const { name, at } = month(2)
        let extended = 0
        const looked = await monthsOf(async (db) => {
          extended = await extendLeases(db, [{ provider, id: waitingIn(2, 1), receivedAt: at }])
        })
        assert.deepEqual([extended, looked], [1, [name]])
      })

      it('question which events still wait looks into the months of its events only', async () => {
        const { name, at } = month(2)
        let waiting: EventKey[] = []
        const id = waitingIn(2, 1)
        const looked = await monthsOf(async (db) => {
          waiting = await readWaiting(db, [{ provider, id, receivedAt: at }])
        })
        assert.deepEqual([waiting, looked], [[{ provider, id }], [name]])
      })

      it('claim of overdue events looks into the months of those only that it found, its company among them', async () => {
        let claimed: string[] = []
        const looked = await monthsOf(async (db) => {
          claimed = (await claimOverdueEvents(db, 10, 3)).map(({ event }) => event.id)
        })
        // The same emails wait in the second month, and are leased in the third.
        assert.equal(claimed.length, 6)
        assert.deepEqual(looked, [month(0).name, month(1).name].sort())
      })

      it('save of events of which nobody knows when they came looks into every month', async () => {
        const id = waitingIn(0, 4)
        const save = { provider, emailId: `em_${id}`, snapshot: unheardOf, expectedRevision: 0, eventIds: [id] }
        const looked = await monthsOf((db) => saveSnapshot(db, save))
        assert.deepEqual(
          months.map(({ name }) => looked.includes(name)),
          [true, true, true],
        )
      })
    },
  )
})
