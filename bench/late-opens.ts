/**
 * `npm run bench:late-opens`: what the roll-ups cost a sender of a million emails a day, whose emails of the last seven days are
 * opened all the time. Measured, on production's pool: an hour counted, a day added up, opens judged. Of how many of them a day
 * requires, once with every changed hour counted at every run (as until 0.3.3) and once as they are noted now, a clock that runs
 * through a week keeps count.
 */
import { judgeChangedEngagements } from '../src/activities/judge-engagements.ts'
import { markDirtyHours, recountShare, rollUpDay, rollUpHour, settlingMs } from '../src/db/analytics-rollups.ts'
import { currentCursor } from '../src/db/changes.ts'
import { createDatabase } from '../src/db/database.ts'
import { writeJudgeCursor } from '../src/db/engagements.ts'
import { schedulePool } from '../src/db/pools.ts'
import { machine, median, revision } from './machine.ts'
import { benchPostgres } from './servers.ts'

const [hourMs, dayMs, runEveryMs] = [3_600_000, 86_400_000, 5 * 60_000]
const emailsAnHour = Math.round(1_000_000 / 24)
/** At the peak. */
const emailsInLargeHour = 3 * emailsAnHour
const openedForMs = 7 * dayMs
const judgedEmails = 20_000
const hours = 24
const day = new Date(Math.floor(Date.now() / dayMs) * dayMs - 2 * dayMs)

const postgres = await benchPostgres()
const patient = createDatabase({ url: postgres.url, poolSize: 1, statementTimeoutMs: 600_000 })
const db = createDatabase({ url: postgres.url, ...schedulePool })

const fillHour = (hour: number, emails: number) => patient.$executeRaw`
  INSERT INTO emails (id, provider, recipient_domain, tags, priority, status, delivery, revision, created_at,
    queued_at, sent_at, delivered_at, opens_total, opens_human, first_received_at, settled_received_at)
  SELECT 'em_' || ${hour}::int || '_' || n, 'aisend',
    CASE WHEN n % 10 < 6 THEN 'gmail.com' ELSE 'd' || n % 400 || '.example' END, ARRAY['campaign-' || n % 8],
    CASE WHEN n % 20 = 0 THEN 'critical' WHEN n % 4 = 0 THEN 'bulk' ELSE 'normal' END, 'opened', 'delivered', 4, at,
    at, at + interval '1 second', at + (1 + n % 60) * interval '0.7 second', 1, 1, at, at + interval '1 minute'
  FROM (SELECT n, ${new Date(+day + hour * hourMs)}::timestamptz + (n * 7919 % 3600) * interval '1 second' AS at
        FROM generate_series(1, ${emails}::int) AS n) AS given`

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

async function measureJudging(): Promise<number> {
  await patient.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, human, payload, lease_until, applied_at)
    SELECT 'aisend', 'evt_' || n, 'em_1_' || n, 'opened', now(), now(), true,
      json_build_object('user_agent', 'Mozilla/5.0 (X11; Linux x86_64)', 'filler', repeat('x', 600)), now(), now()
    FROM generate_series(1, ${judgedEmails}::int) AS n`
  await patient.$executeRaw`ANALYZE events`
  await writeJudgeCursor(db, await currentCursor(db))
  await patient.$executeRaw`ALTER TABLE emails ENABLE TRIGGER USER`
  await patient.$executeRaw`UPDATE emails SET updated_at = now() FROM generate_series(1, ${judgedEmails}::int) AS n WHERE id = 'em_1_' || n`
  return timed(() => judgeChangedEngagements(db))
}

/** Of a day, after a week in which every hour that is not older than that has an email opened before each run. */
function countedADay(share: number): { hours: number; days: number } {
  const [dueAt, counted] = [new Map<number, number>(), { hours: 0, days: 0 }]
  const dayOf = (hour: number) => Math.floor(hour / dayMs)
  for (let now = openedForMs; now < openedForMs + dayMs; now += runEveryMs) {
    const ended = Math.floor((now - settlingMs) / hourMs) * hourMs
    for (let hour = ended - openedForMs; hour < ended; hour += hourMs) {
      dueAt.set(hour, dueAt.get(hour) ?? now + (now - hour) * share)
    }
    const dueDays = new Set([...dueAt].filter(([, at]) => at <= now).map(([hour]) => dayOf(hour)))
    const due = [...dueAt.keys()].filter((hour) => dueDays.has(dayOf(hour)))
    for (const hour of due) dueAt.delete(hour)
    counted.hours += due.length
    counted.days += [...dueDays].filter((of) => (of + 1) * dayMs <= ended).length
  }
  return counted
}

await patient.$executeRaw`ALTER TABLE emails DISABLE TRIGGER USER`
for (let hour = 0; hour < hours; hour++) await fillHour(hour, hour === 0 ? emailsInLargeHour : emailsAnHour)
await patient.$executeRaw`VACUUM ANALYZE emails`
const ended = await markDirtyHours(db)
const largeMs = await timed(() => rollUpHour(db, ended))
const hourMsTaken: number[] = []
for (let hour = 1; hour < hours; hour++) hourMsTaken.push(await timed(() => rollUpHour(db, ended)))
await db.$executeRaw`INSERT INTO analytics_dirty_days VALUES (${day}) ON CONFLICT DO NOTHING`
await rollUpHour(db, ended)
await db.$executeRaw`INSERT INTO analytics_dirty_days VALUES (${day}) ON CONFLICT DO NOTHING`
const dayTakenMs = await timed(() => rollUpDay(db))
const judgingMs = await measureJudging()

const typical = median(hourMsTaken)
const minutes = ({ hours, days }: { hours: number; days: number }) => (hours * typical + days * dayTakenMs) / 60_000
const [atEveryRun, asNoted] = [countedADay(0), countedADay(recountShare)]
console.log(`\n${machine()}, ${revision()}\n`)
console.table({
  [`an hour of ${emailsAnHour} emails, ms (median)`]: Math.round(typical),
  [`an hour of ${emailsInLargeHour} emails, ms`]: Math.round(largeMs),
  'a day added up, ms': Math.round(dayTakenMs),
  'opened emails judged a second': Math.round((judgedEmails / judgingMs) * 1_000),
})
console.table({
  'every changed hour at every run': { ...atEveryRun, 'minutes of a day': Math.round(minutes(atEveryRun)) },
  [`after ${recountShare.toFixed(3)} of its age`]: { ...asNoted, 'minutes of a day': Math.round(minutes(asNoted)) },
})
await Promise.all([db, patient].map((pool) => pool.$disconnect()))
await postgres.stop()
process.exit(0)
