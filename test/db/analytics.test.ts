import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readRolledThrough } from '../../src/db/analytics.ts'
import { noteDirtyHours, pruneChanges, rollUpHours, settlingMs } from '../../src/db/analytics-rollups.ts'
import { currentPlace, isKeptSince } from '../../src/db/changes.ts'
import type { Database } from '../../src/db/database.ts'
import {
  anyEmails,
  anyFilter,
  assertAnalytics,
  changeEmail,
  rangeOfAnyEmails,
  storeEmails,
} from '../analytics/arbitrary-emails.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

const hourMs = 3_600_000
const hourOf = (hour: number) => new Date(+rangeOfAnyEmails.from + hour * hourMs)

describe('analytics', () => {
  let database: TestDatabase
  let db: Database
  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  beforeEach(startAnew)
  after(() => database.drop())

  async function startAnew(): Promise<void> {
    await db.$executeRaw`TRUNCATE emails, email_changes, analytics_rollups, analytics_dirty_hours`
    await db.$executeRaw`UPDATE analytics_state SET place = NULL, rolled_through = NULL, pruned_below = 0`
  }

  /** As the schedule does, but for a clock that stands where the test says. */
  async function rollUpThrough(ended: Date, atOnce = 1_000): Promise<void> {
    await noteDirtyHours(db)
    while ((await rollUpHours(db, ended, atOnce)) === atOnce);
  }
  const rollups = async () => (await db.analyticsRollup.findMany()).map((row) => JSON.stringify(row)).sort()

  it('counted from the emails say what counting one by one says', async () => {
    await fc.assert(
      fc.asyncProperty(anyEmails, anyFilter, async (emails, filter) => {
        await startAnew()
        await storeEmails(db, emails)
        await assertAnalytics(db, emails, filter)
      }),
      { numRuns: 10 },
    )
  })

  it('rolled up and with a live tail say the same, late events and all', async () => {
    const halves = fc.tuple(anyEmails, anyEmails).map(([before, after]) => {
      // The same emails later: the first of them have changed, and others have come.
      const changed = before.map((email, index) => ({
        ...(after[index] ?? email),
        id: email.id,
        provider: email.provider,
      }))
      const kept = changed.map((email, index) => ({ ...email, createdAt: before[index]?.createdAt ?? email.createdAt }))
      return { before, kept, added: after.slice(before.length) }
    })
    const hours = fc.integer({ min: 0, max: 72 }).map(hourOf)
    await fc.assert(
      fc.asyncProperty(halves, anyFilter, hours, hours, async ({ before, kept, added }, filter, one, other) => {
        const [sooner, later] = [one, other].toSorted((a, b) => +a - +b) as [Date, Date]
        await startAnew()
        await storeEmails(db, before)
        await rollUpThrough(sooner, 7)
        await assertAnalytics(db, before, filter)
        for (const email of kept) await changeEmail(db, email)
        await storeEmails(db, added)
        await rollUpThrough(later, 7)
        await assertAnalytics(db, [...kept, ...added], filter)
      }),
      { numRuns: 15 },
    )
  })

  it('are the same when they are rolled up twice, or by two at once', async () => {
    await storeEmails(db, fc.sample(anyEmails, { numRuns: 1, seed: 7 })[0] ?? [])
    await rollUpThrough(hourOf(72))
    const once = await rollups()
    assert.ok(once.length > 0)
    await db.$executeRaw`UPDATE emails SET updated_at = now()`
    await Promise.all([rollUpThrough(hourOf(72), 3), rollUpThrough(hourOf(72), 3)])
    assert.deepEqual(await rollups(), once)
  })

  it('catch up with all that a downtime left, and count again only what has changed', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    const ended = await noteDirtyHours(db)
    const all = await rollUpHours(db, ended, 1_000)
    assert.equal(all, new Set(emails.map(({ createdAt }) => Math.floor(+createdAt / hourMs))).size)
    assert.deepEqual(await readRolledThrough(db), ended)
    assert.equal(await rollUpHours(db, await noteDirtyHours(db), 1_000), 0)
    const [late] = emails
    assert.ok(late)
    await changeEmail(db, late)
    assert.equal(await rollUpHours(db, await noteDirtyHours(db), 1_000), 1)
  })

  it('leave an hour to be read live until what was sent at its end has had time to be delivered', async () => {
    const ended = await noteDirtyHours(db)
    const age = Date.now() - ended.getTime()
    assert.ok(age >= settlingMs && age < settlingMs + hourMs, `the last hour to be rolled up ended ${age} ms ago`)
    assert.equal(ended.getTime() % hourMs, 0)
  })

  it('forget an email that was deleted', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(hourOf(72))
    const [gone, ...others] = emails
    await db.email.deleteMany({ where: { id: gone?.id ?? '' } })
    await rollUpThrough(hourOf(72))
    await assertAnalytics(db, others, {})
  })

  it('are counted anew in a database that was restored, whose transactions begin anew', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(hourOf(72))
    await db.$executeRaw`UPDATE analytics_state SET place = '99999999999:99999999999:'`
    await db.$executeRaw`DELETE FROM emails`
    await rollUpThrough(hourOf(72))
    await assertAnalytics(db, [], {})
  })

  it('keep the log of changes as long as somebody has yet to see it, and streams may resume', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    const place = await currentPlace(db)
    await storeEmails(db, emails)
    assert.equal(await pruneChanges(db, 0), 0, 'the roll-ups have not seen them')
    await noteDirtyHours(db)
    assert.equal(await pruneChanges(db, hourMs), 0, 'streams may ask for the last hour')
    assert.equal(await isKeptSince(db, place), true)
    assert.equal(await pruneChanges(db, 0), emails.length)
    assert.equal(await isKeptSince(db, place), false)
    assert.equal(await isKeptSince(db, await currentPlace(db)), true)
  })
})
