import assert from 'node:assert/strict'
import { currentPlace, readChanges } from '../../src/db/changes.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { readEngagements } from '../../src/db/engagements.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { readEscalations, writeEscalation } from '../../src/db/escalations.ts'
import {
  countFailedAttempt,
  insertEvents,
  quarantineEvents,
  readInboxFigures,
  readUnappliedIds,
} from '../../src/db/events.ts'
import { eventStates, listEvents } from '../../src/db/events-read.ts'
import { claimOverdueEvents, extendLeases, readWaiting } from '../../src/db/leases.ts'
import { readOverdueEmails } from '../../src/db/overdue-emails.ts'
import { readSoftBouncesAround, suppressEventRecipient } from '../../src/db/recipients.ts'
import { replayEvents, replayQuarantined } from '../../src/db/replay.ts'
import { registerEmail, saveSnapshot } from '../../src/db/snapshots.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { unheardOf } from '../../src/domain/lifecycle.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { describeBothPlannings, ExplainedDatabase } from './executed-plans.ts'

const rows = 100_000
const backlog = 5_000
const provider = 'aisend'
const receivedAt = (n: number) => Date.now() - n * 1_000
const keys = (...numbers: number[]) => numbers.map((n) => ({ provider, id: `evt_${n}`, receivedAt: receivedAt(n) }))
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 1,
  engagementWindowMs: 1,
  giveUpAfterMs: 1,
}

/** A day's tables: nearly all events are applied, the last 5,000 wait, every fiftieth is a soft bounce. */
async function fill(db: Database): Promise<void> {
  await db.$executeRaw`
    INSERT INTO emails (id, provider, "to", recipients, recipient_domain, revision)
    SELECT 'em_' || n, ${provider}, ARRAY['a' || n || '@example.com'], ARRAY['a' || n || '@example.com'], 'example.com', 1
    FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, bounce_class,
                        payload, lease_until, applied_at, quarantined_reason)
    SELECT ${provider}, 'evt_' || n, 'em_' || n,
           CASE WHEN n % 50 = 0 THEN 'bounced' WHEN n % 999 = 0 THEN 'novel' ELSE 'sent' END,
           now() - n * interval '1 second', now() - n * interval '1 second', ARRAY['a' || n || '@example.com'], 'a' || n % 20000 || '@example.com',
           CASE WHEN n % 50 = 0 THEN 'soft' END, '{}', now() - interval '1 second',
           CASE WHEN n <= ${rows - backlog} THEN now() END,
           CASE WHEN n > ${rows - backlog} AND n % 500 = 1 THEN 'no' END
    FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO suppressions (address, reason, provider, email_id, event_id)
    SELECT 's' || n || '@example.com', 'complaint', ${provider}, 'em_' || n, 'old_' || n FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO escalations (id, provider, email_id, reason, state, detail, opened_at)
    SELECT 'esc_' || n, ${provider}, 'em_' || n, 'stalled', CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'resolved' END, '', now()
    FROM generate_series(1, ${rows}) AS n`
}

interface Statement {
  readonly run: (db: Database, turn: number) => Promise<unknown>
  readonly indexes: readonly string[]
  /** Rows that it may look at. Default 20: those that it is about. */
  readonly maxRows?: number
}

/** Each statement of the money paths, with the indexes that its docstring names. */
const statements: Record<string, Statement> = {
  'append (events, one a repeat)': {
    run: (db, turn) => insertEvents(db, [receivedEvent({ id: `new_${turn}` }), receivedEvent({ id: 'evt_1' })]),
    indexes: [],
  },
  'claim of overdue events': {
    run: (db) => claimOverdueEvents(db, 2_000, 64),
    indexes: ['emails_pkey', 'events_email_id_provider_idx', 'events_pkey', 'events_waiting'],
    maxRows: 5 * 64,
  },
  'save of a snapshot': {
    run: (db, turn) => {
      const eventIds = [`evt_${rows - turn}`]
      return saveSnapshot(db, {
        provider,
        emailId: `em_${rows - turn}`,
        snapshot: unheardOf,
        expectedRevision: 1,
        eventIds,
        receivedBetween: [receivedAt(rows - turn), receivedAt(rows - turn)],
      })
    },
    indexes: ['events_pkey'],
  },
  'extension of leases': { run: (db) => extendLeases(db, keys(1, rows - 500, rows - 501)), indexes: ['events_pkey'] },
  'question which events still wait': {
    run: (db) => readWaiting(db, keys(...Array.from({ length: 1_000 }, (_, n) => rows - 1 - n))),
    indexes: ['events_pkey'],
    maxRows: 1_000,
  },
  'count of a failed attempt': {
    run: (db) => countFailedAttempt(db, keys(1, rows - 600), 'no'),
    indexes: ['events_pkey'],
  },
  'quarantine of events': {
    run: (db, turn) => quarantineEvents(db, provider, [`evt_${rows - 700 - turn}`], 'no'),
    indexes: ['events_pkey'],
  },
  'question which events are unapplied': {
    run: (db) => readUnappliedIds(db, provider, ['evt_1', `evt_${rows - 800}`]),
    indexes: ['events_pkey'],
  },
  'suppression of a recipient': {
    run: (db, turn) =>
      suppressEventRecipient(db, { provider, eventId: `evt_${rows - 900 - turn}`, reason: 'hard_bounce' }),
    indexes: ['emails_pkey', 'events_pkey'],
  },
  'look for overdue emails': {
    run: (db) => readOverdueEmails(db, { policy: { ...policy, giveUpAfterMs: 1e9 }, dueBefore: Date.now(), limit: 50 }),
    indexes: ['emails_pkey', 'emails_unsettled', 'escalations_email_id_provider_reason_key', 'escalations_unresolved'],
    maxRows: 500,
  },
  'look for soft bounces': {
    run: (db) => readSoftBouncesAround(db, provider, 'evt_50'),
    indexes: ['emails_pkey', 'events_pkey', 'events_soft_bounces'],
  },
  'registration of an email': {
    run: (db, turn) => {
      const registration = { to: ['a@b.c'], subject: null, tags: null, priority: null, as: 'sent' as const }
      return registerEmail(db, { provider, emailId: 'em_1', ...registration }, receivedEvent({ id: `r_${turn}` }))
    },
    indexes: [],
  },
  'write of an escalation': {
    run: (db) => writeEscalation(db, { provider, emailId: 'em_new' }, openEscalation('stalled', '', 0, policy)),
    indexes: [],
  },
  'look at the escalations of an email': {
    run: (db) => readEscalations(db, { provider, emailId: 'em_1' }),
    indexes: ['escalations_email_id_provider_reason_key'],
  },
  ...Object.fromEntries(
    eventStates.map((state): [string, Statement] => [
      `list of ${state} events`,
      {
        run: (db) => listEvents(db, { state }, { receivedAt: '2100-01-01T00:00:00Z', provider, id: 'x' }, 10),
        indexes: [`events_${state}`],
      },
    ]),
  ),
  'list of all events': {
    run: (db) => listEvents(db, {}, null, 5),
    indexes: ['events_applied', 'events_pending', 'events_quarantined'],
  },
  'erasure of a person': {
    run: (db, turn) => eraseRecipient(db, `a${turn + 7}@example.com`, 500),
    indexes: ['emails_recipients_idx', 'events_email_id_provider_idx', 'events_recipient'],
    maxRows: backlog + 100,
  },
  'replay of named events': { run: (db) => replayEvents(db, keys(1, rows - 950)), indexes: ['events_pkey'] },
  'replay of quarantined events': {
    run: (db) => replayQuarantined(db, { provider }, { receivedAt: '2000-01-01T00:00:00Z', provider, id: 'x' }, 5),
    indexes: ['events_pkey', 'events_quarantined'],
  },
  'read of what changed between two places': {
    run: async (db, turn) => {
      const since = await currentPlace(db)
      await db.$executeRaw`UPDATE emails SET updated_at = now() WHERE id = ${`em_${500 + turn}`} AND provider = ${provider}`
      for await (const _ of readChanges(db, since, await currentPlace(db)));
    },
    indexes: ['email_changes_pkey', 'emails_pkey'],
  },
  'second look at an email': {
    run: (db) => readEngagements(db, [{ provider, emailId: 'em_1' }]),
    indexes: ['emails_pkey', 'events_email_id_provider_idx'],
  },
  'figures of the inbox': {
    run: readInboxFigures,
    indexes: ['escalations_unresolved', 'events_waiting'],
    maxRows: backlog + rows / 1_000 + 20,
  },
}

/** What happens to every event. */
const moneyPaths = [
  'append (events, one a repeat)',
  'claim of overdue events',
  'save of a snapshot',
  'extension of leases',
  'question which events still wait',
  'question which events are unapplied',
]

describe('on 100,000 rows, the', () => {
  let database: TestDatabase
  before(async () => {
    database = await testDatabase()
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    await fill(patient)
    // Months ahead are as they always are: made, and never looked at.
    await patient.$executeRaw`VACUUM ANALYZE event_months.events_first, event_identities, emails, suppressions, escalations`
    await patient.$disconnect()
  })
  after(() => database.drop())

  describeBothPlannings(
    () => database.url,
    (explained, turn) => {
      for (const [name, { run, indexes, maxRows = 20 }] of Object.entries(statements)) {
        it(`${name} reads ${indexes.length > 0 ? `by ${indexes.join(', ')}` : 'nothing'} and no table from end to end`, async () => {
          const plans = await explained().plansOf((db) => run(db, turn))
          assert.ok(plans.length > 0, 'no plan was heard of')
          assert.deepEqual(
            plans.flatMap(({ scanned }) => scanned),
            [],
          )
          const rowsRead = plans.reduce((sum, plan) => sum + plan.rows, 0)
          assert.ok(rowsRead <= maxRows, `it looked at ${rowsRead} rows`)
          const used = new Set(plans.flatMap((plan) => plan.indexes))
          assert.deepEqual(
            indexes.filter((index) => !used.has(index)),
            [],
            `it used ${[...used]}`,
          )
        })
      }
    },
  )

  it('read that has no index is noticed', async () => {
    const explained = new ExplainedDatabase(database.url, 'force_custom_plan')
    const plans = await explained.plansOf((db) => db.$queryRaw`SELECT 1 FROM events WHERE subject = 'none'`)
    await explained.close()
    assert.deepEqual(plans[0]?.scanned, ['events'])
  })
})

/**
 * A connection keeps the plan of a named statement until the table's statistics change. Those of a new installation, and
 * of every month's new partition, are of no rows at all for as long as a minute, and thousands of events can come in one.
 */
describe('planned while the tables were empty, and carried out on 100,000 rows, the', () => {
  let database: TestDatabase
  let explained: ExplainedDatabase

  before(async () => {
    database = await testDatabase()
    explained = new ExplainedDatabase(database.url, 'force_generic_plan')
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    for (const table of ['emails', 'event_months.events_first', 'escalations', 'suppressions', 'email_changes']) {
      await patient.$executeRawUnsafe(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
    }
    for (const name of moneyPaths) await statements[name]?.run(explained.db, 0)
    // Not TRUNCATE: it would have every plan made anew.
    for (const table of ['emails', 'events']) await patient.$executeRawUnsafe(`DELETE FROM ${table}`)
    await fill(patient)
    await patient.$disconnect()
  })
  after(async () => {
    await explained.close()
    await database.drop()
  })

  for (const name of moneyPaths) {
    it(`${name} looks at no more rows than it is about`, async () => {
      const { run, maxRows = 20 } = statements[name] ?? assert.fail(name)
      const rowsRead = (await explained.plansOf((db) => run(db, 1))).reduce((sum, plan) => sum + plan.rows, 0)
      assert.ok(rowsRead <= maxRows, `it looked at ${rowsRead} rows`)
    })
  }
})
