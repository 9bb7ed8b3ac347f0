/**
 * `npm run bench:analytics`: the summary of 30 days from the roll-ups, against a plain count over the events and one over
 * the emails, of 250,000 emails and then of 1,000,000 (4,000,000 events) in the same hours.
 */

import { dayMs, readBreakdown, readSummary } from '../src/db/analytics.ts'
import { markDirtyHours, rollUpDay, rollUpHour } from '../src/db/analytics-rollups.ts'
import { emailsIn, mergedTallies, type TallyRow, talliesOf, tallyOf } from '../src/db/analytics-tallies.ts'
import { createDatabase, type Database } from '../src/db/database.ts'
import { Prisma } from '../src/db/generated/client.ts'
import { readPool, schedulePool } from '../src/db/pools.ts'
import { figuresOf } from '../src/domain/figures.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres } from './servers.ts'

const sizes = [250_000, 1_000_000]
const batch = 125_000
const range = {
  from: new Date(Math.floor(Date.now() / dayMs) * dayMs - 30 * dayMs),
  to: new Date(Math.floor(Date.now() / dayMs) * dayMs),
}

const postgres = await benchPostgres()
/** Fills, and counts plainly: neither is what production does. */
const db = createDatabase({ url: postgres.url, poolSize: 4, statementTimeoutMs: 600_000 })
const [reads, schedules] = [readPool, schedulePool].map((pool) => createDatabase({ url: postgres.url, ...pool })) as [
  Database,
  Database,
]

/** Emails `from` to before `to`, spread over the 30 days, with the events that they were folded from. */
async function add(from: number, to: number): Promise<void> {
  const facts = Prisma.sql`
    SELECT n, ${range.from.toISOString()}::timestamptz + (n * 7919 % 2592000) * interval '1 second' AS at,
           n % 100 < 97 AS arrives, (1 + n % 60) * interval '0.7 second' AS takes
    FROM generate_series(${from}::bigint, ${to - 1}::bigint) AS n`
  await db.$executeRaw`
    INSERT INTO emails (id, provider, recipient_domain, tags, priority, status, delivery, revision, created_at,
      queued_at, sent_at, delivered_at, bounce_class, opens_total, opens_human, first_received_at, settled_received_at)
    SELECT 'em_' || n, 'aisend', CASE WHEN n % 10 < 6 THEN 'gmail.com' ELSE 'd' || n % 400 || '.example' END,
      ARRAY['campaign-' || n % 8], CASE WHEN n % 20 = 0 THEN 'critical' WHEN n % 4 = 0 THEN 'bulk' ELSE 'normal' END,
      CASE WHEN arrives THEN 'opened' ELSE 'bounced' END, CASE WHEN arrives THEN 'delivered' ELSE 'bounced' END, 4, at,
      at, at + interval '1 second', CASE WHEN arrives THEN at + takes END, CASE WHEN NOT arrives THEN 'hard' END,
      CASE WHEN arrives THEN 1 ELSE 0 END, CASE WHEN arrives AND n % 3 > 0 THEN 1 ELSE 0 END, at, at + takes
    FROM (${facts}) AS facts`
  await db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, bounce_class, human, payload,
      lease_until, applied_at)
    SELECT 'aisend', 'evt_' || n || '_' || kind, 'em_' || n,
      CASE kind WHEN 0 THEN 'queued' WHEN 1 THEN 'sent' WHEN 2 THEN CASE WHEN arrives THEN 'delivered' ELSE 'bounced' END
        ELSE CASE WHEN arrives THEN 'opened' ELSE 'note' END END,
      CASE kind WHEN 0 THEN at WHEN 1 THEN at + interval '1 second' WHEN 2 THEN at + takes ELSE at + interval '1 hour' END,
      at, CASE WHEN kind = 2 AND NOT arrives THEN 'hard' END, kind = 3 AND arrives AND n % 3 > 0, '{}', at, at
    FROM (${facts}) AS facts, generate_series(0, 3) AS kind`
}

/** What somebody would write who has the events and nothing else. */
const plainCountOfEvents = () => db.$queryRaw<{ emails: number; delivered: number; bounced: number; opened: number }[]>`
  SELECT count(*)::int AS emails, count(*) FILTER (WHERE delivered_at IS NOT NULL)::int AS delivered,
         count(*) FILTER (WHERE bounced)::int AS bounced, count(*) FILTER (WHERE opened)::int AS opened,
         avg(extract(epoch FROM delivered_at - queued_at))::float8 AS mean,
         percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM delivered_at - queued_at))
  FROM (
    SELECT min(occurred_at) FILTER (WHERE type = 'queued') AS queued_at,
           min(occurred_at) FILTER (WHERE type = 'delivered') AS delivered_at,
           bool_or(type = 'bounced' AND bounce_class = 'hard') AS bounced, bool_or(type = 'opened' AND human) AS opened
    FROM events
    WHERE received_at >= ${range.from.toISOString()}::timestamptz AND received_at < ${range.to.toISOString()}::timestamptz
    GROUP BY provider, email_id
  ) AS emails`

/** The same tallies as the roll-ups', without them. */
const plainCountOfEmails = () =>
  db.$queryRaw<TallyRow[]>(
    mergedTallies(talliesOf(emailsIn(range, {}), Prisma.sql`''::text AS key`, Prisma.sql`key`), Prisma.sql`key`),
  )

async function timed<T>(times: number, work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const taken: number[] = []
  let result = await work()
  for (let time = 0; time < times; time++) {
    const startedAt = performance.now()
    result = await work()
    taken.push(performance.now() - startedAt)
  }
  return { ms: median(taken), result }
}

async function rollUp(): Promise<number> {
  const startedAt = performance.now()
  const ended = await markDirtyHours(schedules)
  while (await rollUpHour(schedules, ended));
  while (await rollUpDay(schedules));
  return performance.now() - startedAt
}

async function measure(emails: number) {
  await db.$executeRaw`ANALYZE emails, events`
  const rollUpMs = await rollUp()
  await db.$executeRaw`VACUUM ANALYZE analytics_rollups`
  const summary = await timed(15, () => readSummary(reads, range, {}))
  const domains = await timed(7, () => readBreakdown(reads, range, {}, 'domain', 50))
  const ofEmails = await timed(3, plainCountOfEmails)
  const ofEvents = await timed(3, plainCountOfEvents)
  const figures = figuresOf(summary.result)
  const [row] = ofEmails.result
  const [counted] = ofEvents.result
  const said = [figures.emails, figures.delivered, figures.hardBounces.numerator, figures.opens.human.numerator]
  const same =
    JSON.stringify(row && figuresOf(tallyOf(row))) === JSON.stringify(figures) &&
    JSON.stringify(counted && [counted.emails, counted.delivered, counted.bounced, counted.opened]) ===
      JSON.stringify(said)
  if (!same || figures.emails !== emails) throw new Error('the three ways do not say the same')
  return { emails, rollUpMs, summary: summary.ms, domains: domains.ms, ofEmails: ofEmails.ms, ofEvents: ofEvents.ms }
}

// The log of changes is not what is measured: its hours are noted as those of a first start.
await db.$executeRaw`ALTER TABLE emails DISABLE TRIGGER USER`
const results: Awaited<ReturnType<typeof measure>>[] = []
let added = 0
for (const size of sizes) {
  for (; added < size; added += batch) await add(added, added + batch)
  await db.$executeRaw`UPDATE analytics_state SET place = NULL`
  results.push(await measure(size))
}

const shown = (ms: number) => Number(ms.toFixed(1))
console.log(`\n${machine()}, ${revision()}; 30 days, medians\n`)
console.table(
  results.map((result) => ({
    emails: result.emails,
    'summary, ms': shown(result.summary),
    'by domain, ms': shown(result.domains),
    'plain over emails, ms': shown(result.ofEmails),
    'plain over events, ms': shown(result.ofEvents),
    'events / summary': Math.round(result.ofEvents / result.summary),
    'emails / summary': Math.round(result.ofEmails / result.summary),
    'roll-up of all, ms': Math.round(result.rollUpMs),
  })),
)
const [smaller, larger] = results
const ratio = (larger?.ofEvents ?? 0) / (larger?.summary ?? 1)
const growth = (larger?.summary ?? 0) / (smaller?.summary ?? 1)
console.log(`plain count over the events: ${Math.round(ratio)} times the summary (goal 50: ${verdict(ratio >= 50)})`)
console.log(`4 times the emails: ${growth.toFixed(2)} times the time (goal, less than 2: ${verdict(growth < 2)})`)
await Promise.all([db, reads, schedules].map((pool) => pool.$disconnect()))
await postgres.stop()
process.exit(0)
