import assert from 'node:assert/strict'
import { type BreakdownKey, countsRecipients, readBreakdown, readSummary } from '../../src/db/analytics.ts'
import { markDirtyHours, rollUpDay, rollUpHour } from '../../src/db/analytics-rollups.ts'
import type { Tally } from '../../src/domain/figures.ts'
import { useDatabase } from '../stack.ts'

const start = new Date(Date.UTC(2026, 0, 1))
const end = new Date(Date.UTC(2026, 0, 3))
const range = { from: start, to: end }

/** The counts of version 0.4, in SQL. */
const countsBefore = `
  count(*)::int AS emails,
  count(*) FILTER (WHERE delivery NOT IN ('queued', 'sending') OR arrived)::int AS sent,
  count(*) FILTER (WHERE arrived)::int AS delivered,
  count(*) FILTER (WHERE bounce_class = 'hard')::int AS "hardBounced",
  count(*) FILTER (WHERE bounce_class = 'soft')::int AS "softBounced",
  count(*) FILTER (WHERE complained_at IS NOT NULL)::int AS complained,
  count(*) FILTER (WHERE arrived AND opens_total > 0)::int AS opened,
  count(*) FILTER (WHERE arrived AND opens_human > opens_judged_machine)::int AS "openedByHuman",
  count(*) FILTER (WHERE arrived AND clicks_total > 0)::int AS clicked,
  count(*) FILTER (WHERE arrived AND clicks_human > clicks_judged_machine)::int AS "clickedByHuman",
  count(span_ms)::int AS timed,
  coalesce(sum(greatest(span_ms, 0)), 0)::float8 AS "deliveryTimeSumMs"`

const emailsBefore = `
  SELECT *, extract(epoch FROM delivered_at - least(queued_at, sending_at,
      coalesce(sent_at, CASE WHEN registered_as_sent THEN registered_at END))) * 1000 AS span_ms,
    complained_at IS NOT NULL OR (settled_received_at IS NOT NULL AND bounce_class IS DISTINCT FROM 'hard') AS arrived
  FROM emails`

const valueBefore: Partial<Record<BreakdownKey, string>> = {
  domain: `coalesce(recipient_domain, '')`,
  tag: 'unnest(tags)',
  priority: 'priority',
  provider: 'provider',
}

describe('analytics of emails that a version before 0.5 has stored', () => {
  const { db } = useDatabase('emails, email_recipients, analytics_rollups, analytics_dirty_hours, analytics_dirty_days')

  /** Every combination of what an email of that version may say, with one recipient and with three. */
  beforeEach(async () => {
    await db.$executeRaw`UPDATE analytics_state SET place = NULL, rolled_through = NULL, pruned_below = 0`
    await db.$executeRaw`
      INSERT INTO emails (id, provider, recipients, recipient_domain, tags, priority, delivery, status, created_at, queued_at, sent_at,
        delivered_at, bounce_class, bounced_at, complained_at, opens_total, opens_human, clicks_total, clicks_human,
        opens_judged_machine, settled_received_at, first_received_at)
      SELECT 'em_' || n, CASE WHEN n % 3 = 0 THEN 'other' ELSE 'aisend' END,
        CASE WHEN n % 5 = 0 THEN ARRAY['a@gmail.com', 'b@example.org', 'c@example.org'] WHEN n % 7 = 0 THEN '{}'
             ELSE ARRAY['a@gmail.com'] END,
        CASE WHEN n % 7 > 0 THEN 'gmail.com' END, CASE WHEN n % 2 = 0 THEN ARRAY['x', 'y'] ELSE '{}' END,
        CASE WHEN n % 4 = 0 THEN 'critical' ELSE 'normal' END,
        CASE WHEN bounce = 2 THEN 'bounced' WHEN is_delivered THEN 'delivered' WHEN bounce = 1 THEN 'deferred'
             WHEN is_sent THEN 'sent' ELSE 'queued' END, 'queued',
        ${start}::timestamptz + n * interval '10 minutes', at, CASE WHEN is_sent THEN at + interval '1 second' END,
        CASE WHEN is_delivered THEN at + n * interval '1 second' END,
        CASE bounce WHEN 1 THEN 'soft' WHEN 2 THEN 'hard' END, CASE WHEN bounce > 0 THEN at END,
        CASE WHEN is_complained THEN at END, opens, opens, opens / 2, opens / 2, opens / 2,
        CASE WHEN is_delivered OR bounce = 2 OR is_complained OR opens > 0 THEN at END, at
      FROM (
        SELECT row_number() OVER () AS n, ${start}::timestamptz AS at, *
        FROM generate_series(0, 2) AS bounce, unnest(ARRAY[true, false]) AS is_delivered, unnest(ARRAY[true, false]) AS is_sent,
             unnest(ARRAY[true, false]) AS is_complained, generate_series(0, 2) AS opens
      ) AS combinations`
  })

  const countedBefore = (value: string) =>
    db.$queryRawUnsafe<({ value: string } & Partial<Tally>)[]>(
      `SELECT value, ${countsBefore} FROM (SELECT *, ${value} AS value FROM (${emailsBefore}) AS emails) AS emails GROUP BY value`,
    )

  async function assertAsBefore(): Promise<void> {
    const agrees = (now: Tally | undefined, then: Partial<Tally>, what: string) => {
      for (const [name, figure] of Object.entries(then)) {
        if (name !== 'value') assert.equal(now?.[name as keyof Tally], figure, `${name} ${what}`)
      }
      assert.equal(now?.failed, 0, what)
    }
    const [all] = await countedBefore(`''::text`)
    agrees(await readSummary(db, range, {}), all ?? assert.fail(), 'of all')
    for (const [by, value] of Object.entries(valueBefore)) {
      const parts = await readBreakdown(db, range, {}, by as BreakdownKey, 500)
      const known = await countedBefore(value)
      assert.equal(parts.length, known.length)
      for (const part of known)
        agrees(parts.find((now) => now.value === part.value)?.tally, part, `${by} ${part.value}`)
    }
  }

  it('has the figures that it had, counted live and from roll-ups', async () => {
    await assertAsBefore()
    const ended = await markDirtyHours(db)
    while (await rollUpHour(db, ended));
    while (await rollUpDay(db));
    await assertAsBefore()
  })

  it('counts each bounce once, with an unknown reason, whatever the number of its recipients', async () => {
    const { hardBounced, recipients } = await readSummary(db, range, {})
    assert.ok(recipients > (await db.email.count()))
    for (const by of ['reason', 'party'] as const) {
      assert.equal(countsRecipients(by), true)
      const parts = await readBreakdown(db, range, {}, by, 10)
      assert.deepEqual(
        parts.map(({ value, tally }) => [value, tally.hardBounced]),
        [['unknown', hardBounced]],
      )
    }
    const providers = await readBreakdown(db, range, {}, 'mailboxProvider', 10)
    const sum = (figure: 'emails' | 'hardBounced') => providers.reduce((all, { tally }) => all + tally[figure], 0)
    assert.deepEqual([sum('hardBounced'), sum('emails')], [hardBounced, recipients])
  })
})
