import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readRolledThrough } from '../../src/db/analytics.ts'
import { markDirtyHours, recountShare, rollUpDay, rollUpHour, settlingMs } from '../../src/db/analytics-rollups.ts'
import { currentCursor, isRetainedSince, markPrunable, pruneChanges } from '../../src/db/changes.ts'
import { createDatabase } from '../../src/db/database.ts'
import { writeRecipientDomains } from '../../src/db/recipient-domains.ts'
import { anyEmails, anyFilter, changeEmail, rangeOfAnyEmails, storeEmails } from '../activities/arbitrary-emails.ts'
import { assertAnalytics } from '../activities/counted-emails.ts'
import { emptyTables, ownTemplate, useDatabase } from '../stack.ts'

const hourMs = 3_600_000
const hourOf = (hour: number) => new Date(+rangeOfAnyEmails.from + hour * hourMs)

describe('analytics', () => {
  const database = useDatabase('', ownTemplate)
  const { db } = database
  before(() => writeRecipientDomains(db, [{ domain: 'gmail.com', mailboxProvider: 'gmail', foundBy: 'domain' }]))
  beforeEach(startAnew)

  async function startAnew(): Promise<void> {
    await emptyTables(db, 'emails, email_changes, analytics_rollups, analytics_dirty_hours, analytics_dirty_days')
    await db.$executeRaw`UPDATE analytics_state SET place = NULL, rolled_through = NULL, pruned_below = 0`
  }

  /** More than the rounding of a time. */
  const makeDue = () => db.$executeRaw`UPDATE analytics_dirty_hours SET due_at = now() - interval '1 second'`

  /** @returns the number of counted hours. */
  async function countDue(ended: Date): Promise<number> {
    let hours = 0
    while (await rollUpHour(db, ended)) hours += 1
    while (await rollUpDay(db));
    return hours
  }

  /** Like the schedule, but with the test's clock, and without the time for late events. */
  async function rollUpThrough(ended: Date): Promise<void> {
    await markDirtyHours(db)
    await makeDue()
    await countDue(ended)
  }

  async function prune(keepMs: number): Promise<number> {
    await markPrunable(db, keepMs)
    return pruneChanges(db, 1_000)
  }
  const rollups = async () => (await db.analyticsRollup.findMany()).map((row) => JSON.stringify(row)).sort()

  it('counted from the emails equal a count one by one', async () => {
    await fc.assert(
      fc.asyncProperty(anyEmails, anyFilter, async (emails, filter) => {
        await startAnew()
        await storeEmails(db, emails)
        await assertAnalytics(db, emails, filter)
      }),
      { numRuns: 10 },
    )
  })

  it('from roll-ups and a live tail equal a live count, including late events', async () => {
    const halves = fc.tuple(anyEmails, anyEmails).map(([before, after]) => {
      // The same emails later: the first ones have changed, and further ones were added.
      const changed = before.map((email, index) => ({
        ...(after[index] ?? email),
        id: email.id,
        provider: email.provider,
      }))
      const updated = changed.map((email, index) => ({
        ...email,
        createdAt: before[index]?.createdAt ?? email.createdAt,
      }))
      return { before, updated, added: after.slice(before.length) }
    })
    const hours = fc.integer({ min: 0, max: 72 }).map(hourOf)
    await fc.assert(
      fc.asyncProperty(halves, anyFilter, hours, hours, async ({ before, updated, added }, filter, one, other) => {
        const [sooner, later] = [one, other].toSorted((a, b) => +a - +b) as [Date, Date]
        await startAnew()
        await storeEmails(db, before)
        await rollUpThrough(sooner)
        await assertAnalytics(db, before, filter)
        for (const email of updated) await changeEmail(db, email)
        await storeEmails(db, added)
        await rollUpThrough(later)
        await assertAnalytics(db, [...updated, ...added], filter)
      }),
      { numRuns: 6 },
    )
  })

  it('are the same when they are rolled up twice, or by two processes at once', async () => {
    await storeEmails(db, fc.sample(anyEmails, { numRuns: 1, seed: 7 })[0] ?? [])
    await rollUpThrough(hourOf(72))
    const once = await rollups()
    assert.ok(once.length > 0)
    await db.$executeRaw`UPDATE emails SET updated_at = now()`
    await Promise.all([rollUpThrough(hourOf(72)), rollUpThrough(hourOf(72))])
    assert.deepEqual(await rollups(), once)
  })

  it('catch up after a downtime, and recount only changed hours', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    const ended = await markDirtyHours(db)
    assert.equal(await countDue(ended), new Set(emails.map(({ createdAt }) => Math.floor(+createdAt / hourMs))).size)
    assert.deepEqual(await readRolledThrough(db), ended)
    assert.equal(await countDue(await markDirtyHours(db)), 0)
    const [late] = emails
    assert.ok(late)
    await changeEmail(db, late)
    const again = await markDirtyHours(db)
    await makeDue()
    assert.equal(await countDue(again), 1)
  })

  it('recount an old hour once for all late events within a share of its age, together with the hours of its day', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(new Date())
    const before = await rollups()
    const [late, ...others] = emails
    assert.ok(late)
    const hourOfLate = Math.floor(+late.createdAt / hourMs) * hourMs
    const sameDay = others.find(
      ({ createdAt }) =>
        Math.floor(+createdAt / (24 * hourMs)) === Math.floor(+late.createdAt / (24 * hourMs)) &&
        Math.floor(+createdAt / hourMs) * hourMs !== hourOfLate,
    )
    assert.ok(sameDay)
    await changeEmail(db, late)
    const notedAt = Date.now()
    assert.equal(await countDue(await markDirtyHours(db)), 0)
    assert.deepEqual(await rollups(), before)
    const [noted, ...more] = await db.analyticsDirtyHour.findMany()
    assert.ok(noted)
    assert.deepEqual([+noted.hour, more.length], [hourOfLate, 0])
    const waits = (+noted.dueAt - notedAt) / (notedAt - hourOfLate)
    assert.ok(Math.abs(waits - recountShare) < 0.001, `it waits for ${waits} of its age`)
    // A further change does not postpone it, and another hour of the day is counted with it.
    await changeEmail(db, late)
    await changeEmail(db, sameDay)
    await markDirtyHours(db)
    assert.deepEqual((await db.analyticsDirtyHour.findUnique({ where: { hour: noted.hour } }))?.dueAt, noted.dueAt)
    await db.$executeRaw`UPDATE analytics_dirty_hours SET due_at = now() - interval '1 second' WHERE hour = ${noted.hour}`
    assert.equal(await countDue(await markDirtyHours(db)), 2)
    await assertAnalytics(db, emails, {})
  })

  it('are counted even if the statement timeout of the pool is short', async () => {
    await db.$executeRaw`
      INSERT INTO emails (id, provider, tags, created_at)
      SELECT 'em_' || n, 'aisend', ARRAY['a', 'b'], ${hourOf(1)} FROM generate_series(1, 20000) AS n`
    const impatient = createDatabase({ url: database.url, statementTimeoutMs: 10, answerTimeoutMs: 60_000 })
    try {
      await markDirtyHours(db)
      assert.deepEqual(await rollUpHour(impatient, hourOf(72)), hourOf(1))
    } finally {
      await impatient.$disconnect()
    }
  })

  it('read an hour live until the emails sent at its end have had time to be delivered', async () => {
    const ended = await markDirtyHours(db)
    const age = Date.now() - ended.getTime()
    assert.ok(age >= settlingMs && age < settlingMs + hourMs, `the last hour to be rolled up ended ${age} ms ago`)
    assert.equal(ended.getTime() % hourMs, 0)
  })

  it('exclude a deleted email', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(hourOf(72))
    const [gone, ...others] = emails
    await db.email.deleteMany({ where: { id: gone?.id ?? '' } })
    await rollUpThrough(hourOf(72))
    await assertAnalytics(db, others, {})
  })

  it('are counted again in a restored database, whose transaction numbers start again', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(hourOf(72))
    await db.$executeRaw`UPDATE analytics_state SET place = '99999999999:99999999999:'`
    await db.$executeRaw`DELETE FROM emails`
    await rollUpThrough(hourOf(72))
    await assertAnalytics(db, [], {})
  })

  it('retain the log of changes until it was seen, and as long as streams may resume', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    const cursor = await currentCursor(db)
    await storeEmails(db, emails)
    assert.equal(await prune(0), 0, 'the roll-ups have not seen them')
    await markDirtyHours(db)
    assert.equal(await prune(hourMs), 0, 'streams may ask for the last hour')
    assert.equal(await isRetainedSince(db, cursor), true)
    assert.equal(await prune(0), emails.length)
    assert.equal(await isRetainedSince(db, cursor), false)
    assert.equal(await isRetainedSince(db, await currentCursor(db)), true)
  })

  it('retain an unseen log for a day at most, and count all hours again then', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await rollUpThrough(hourOf(72))
    const [late, last] = emails
    assert.ok(late && last)
    await changeEmail(db, late)
    await db.$executeRaw`UPDATE email_changes SET at = now() - interval '25 hours'`
    await changeEmail(db, last)
    await prune(hourMs)
    assert.equal(await db.emailChange.count(), 1)
    await rollUpThrough(hourOf(72))
    await assertAnalytics(db, emails, {})
  })

  it('prune the log in batches', async () => {
    const [emails = []] = fc.sample(anyEmails, { numRuns: 1, seed: 7 })
    await storeEmails(db, emails)
    await markDirtyHours(db)
    await markPrunable(db, 0)
    assert.equal(await pruneChanges(db, emails.length - 1), emails.length - 1)
    assert.equal(await pruneChanges(db, emails.length - 1), 1)
  })
})
