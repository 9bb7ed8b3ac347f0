import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import { readRefusals } from '../../src/db/refusals.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

const events = 100_000
const everySeconds = 2
const hourMs = 3_600_000
/** Of the last hour; every twentieth is a refusal, and every fiftieth of the others is pending. */
const recent = hourMs / 1_000 / everySeconds

describe('on 100,000 events, the refusals of the last hour', () => {
  const database = useDatabase()
  before(async () => {
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    await patient.$executeRaw`
      INSERT INTO emails (id, provider, recipient_domain) SELECT 'em_' || n, 'aisend', 'gmail.com' FROM generate_series(1, ${events}::int) AS n`
    await patient.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, recipient, applied_at,
                          failure_reason, failure_party, failure_outcome)
      SELECT 'aisend', 'evt_' || n, 'em_' || n, CASE WHEN is_refused THEN 'bounced' ELSE 'delivered' END, at, at,
             CASE WHEN n % 3 > 0 THEN 'a' || n || '@d' || n % 100 || '.example' END, CASE WHEN n % 50 > 0 THEN at END,
             CASE WHEN is_refused THEN 'authentication' END, CASE WHEN is_refused THEN 'sender' END,
             CASE WHEN is_refused THEN CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'deferred' END END
      FROM generate_series(1, ${events}::int) AS n,
           LATERAL (SELECT n % 20 = 0 AS is_refused, now() - (n - 0.5) * ${everySeconds} * interval '1 second' AS at) AS given`
    await patient.$executeRaw`
      INSERT INTO recipient_domains (domain, mailbox_provider, found_by, expires_at)
      SELECT 'd' || n || '.example', CASE WHEN n < 50 THEN 'gmail' END, 'mx', now() FROM generate_series(0, 99) AS n`
    const month = (await readEventMonths(patient))[0]?.name ?? assert.fail()
    await patient.$executeRawUnsafe(`VACUUM ANALYZE ${month}, emails, recipient_domains`)
    await patient.$disconnect()
  })

  const since = () => new Date(Date.now() - hourMs)

  it('are counted by mailbox provider, beside the recipients with an outcome', async () => {
    const found = await readRefusals(database.db, since(), 1)
    const refused = found.reduce((sum, group) => sum + group.refused, 0)
    const settled = found.reduce((sum, group) => sum + group.settled, 0)
    assert.deepEqual(found.map(({ reason, at }) => `${reason}/${at}`).toSorted(), [
      'authentication/gmail',
      'authentication/other',
    ])
    // The hour goes on while the test runs.
    assert.ok(Math.abs(refused - recent / 20) <= 5, `${refused}`)
    assert.ok(Math.abs(settled - recent) <= 100, `${settled}`)
  })

  describeBothPlannings(
    () => database.url,
    (explained) => {
      it('are read by the index of faults while there are few', async () => {
        const [plan, ...others] = await explained().plansOf((db) => readRefusals(db, since(), 1_000_000))
        assert.ok(plan)
        assert.deepEqual(others, [])
        assert.ok(plan.indexes.includes('events_faults'), `it used ${plan.indexes}`)
        assert.deepEqual(
          plan.scanned.filter((table) => table !== 'recipient_domains'),
          [],
        )
        assert.ok(plan.rows <= 8 * (recent / 20) + 200, `it read ${plan.rows} rows`)
      })

      it('and all outcomes by the indexes of applied and pending events', async () => {
        const plans = await explained().plansOf((db) => readRefusals(db, since(), 1))
        const [, plan] = plans
        assert.ok(plan)
        assert.ok(
          ['events_applied', 'events_pending'].every((index) => plan.indexes.includes(index)),
          `${plan.indexes}`,
        )
        assert.deepEqual(
          plan.scanned.filter((table) => table !== 'recipient_domains'),
          [],
        )
        assert.ok(plan.rows <= 3 * recent + 300, `it read ${plan.rows} rows`)
      })
    },
  )
})
