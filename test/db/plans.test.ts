import assert from 'node:assert/strict'
import { currentCursor, logStart, markPrunable, pruneChanges, readChanges } from '../../src/db/changes.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { readRecipientsOf } from '../../src/db/email-recipients-read.ts'
import { listEmails } from '../../src/db/emails-read.ts'
import { readChangedAfter, readEngagements, writeVerdicts } from '../../src/db/engagements.ts'
import { eraseStoredBefore } from '../../src/db/erasure.ts'
import { readEscalations, writeEscalation } from '../../src/db/escalations.ts'
import { claimEvents, deferEvents, rejectEvents, releaseEvents } from '../../src/db/event-claims.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import {
  insertEvents,
  quarantineEvents,
  readInboxFigures,
  readOldestPendingSeconds,
  readUnappliedIds,
} from '../../src/db/events.ts'
import { eventStates, listEvents } from '../../src/db/events-read.ts'
import { readEmailsOf, readEventsOf } from '../../src/db/export-rows.ts'
import { nextEmailHour, nextEventHour } from '../../src/db/exports.ts'
import { eraseNextMentions } from '../../src/db/mentions.ts'
import { type OverduePosition, readOverdueEmails } from '../../src/db/overdue-emails.ts'
import { readSoftBouncesAround, suppressEventRecipient } from '../../src/db/recipients.ts'
import { findMissing } from '../../src/db/reconciliations.ts'
import { findRegistered, registerEmail } from '../../src/db/registrations.ts'
import { lockSuppressions, readBounces, readFailures } from '../../src/db/rejudgement.ts'
import { replayEvents, replayQuarantined } from '../../src/db/replay.ts'
import { findReportedEmail } from '../../src/db/reported-emails.ts'
import { claimSending, keyFingerprints } from '../../src/db/sendings.ts'
import { applyEngagements } from '../../src/db/settled-engagements.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import {
  adoptSystemIncidents,
  endSystemIncidents,
  readDueNotices,
  repeatSystemNotices,
} from '../../src/db/system-incidents.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemplate, type TestDatabase, testDatabase, useDatabase } from '../stack.ts'
import { describeBothPlannings, ExplainedDatabase } from './executed-plans.ts'

const rows = 100_000
const backlog = 5_000
const provider = 'aisend'
const receivedAt = (n: number) => Date.now() - n * 1_000
const keys = (...numbers: number[]) => numbers.map((n) => ({ provider, id: `evt_${n}`, receivedAt: receivedAt(n) }))
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 1,
  lingerAfterSettledMs: 1,
  giveUpAfterMs: 1,
}

/** The tables of a day: most events are applied, the last 5,000 are pending, every fiftieth is a soft bounce. */
async function fill(db: Database): Promise<void> {
  // The trigger's work in one statement: by the row, it would take a minute on a busy machine.
  await db.$executeRaw`ALTER TABLE emails DISABLE TRIGGER emails_add_recipients`
  await db.$executeRaw`
    INSERT INTO emails (id, provider, "to", recipients, recipient_domain, revision, settled_received_at, failure_reason, failure_party,
                        external_id, registered_external_id, metadata)
    SELECT 'em_' || n, ${provider}, ARRAY['a' || n || '@example.com'], ARRAY['a' || n || '@example.com'], 'example.com', 1,
           CASE WHEN n % 20 = 0 THEN now() END, CASE WHEN n % 50 = 0 THEN 'mailbox_full' END, CASE WHEN n % 50 = 0 THEN 'recipient' END,
           'order-' || n, 'order-' || n, jsonb_build_object('order', n::text, 'customer', 'c-' || n % 5000, 'env', 'production')
    FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`ALTER TABLE emails ENABLE TRIGGER emails_add_recipients`
  await db.$executeRaw`
    INSERT INTO email_recipients (provider, email_id, key, address, domain, created_at)
    SELECT provider, id, 'key', recipients[1], recipient_domain, created_at FROM emails`
  await db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, "to", recipient, bounce_class,
                        payload, lease_until, applied_at, quarantined_reason)
    SELECT ${provider}, 'evt_' || n, 'em_' || n,
           CASE WHEN n % 50 = 0 THEN 'bounced' WHEN n % 999 = 0 THEN 'novel' WHEN n % 20 = 0 THEN 'opened' ELSE 'sent' END,
           now() - n * interval '1 second', now() - n * interval '1 second', ARRAY['a' || n || '@example.com'], 'a' || n % 20000 || '@example.com',
           CASE WHEN n % 50 = 0 THEN 'soft' END, '{}',
           CASE WHEN n <= ${rows - backlog} OR n % 50 = 2 THEN now() - interval '1 second' END,
           CASE WHEN n <= ${rows - backlog} THEN now() END,
           CASE WHEN n > ${rows - backlog} AND n % 500 = 1 THEN 'no' END
    FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO sendings (idempotency_key, fingerprint, provider, email_id, lease_until)
    SELECT 'key_' || n, 'hmac-sha256:' || n, ${provider}, 'em_' || n, now() FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO suppressions (address, reason, provider, email_id, event_id)
    SELECT 's' || n || '@example.com', 'complaint', ${provider}, 'em_' || n, 'old_' || n FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO escalations (id, provider, email_id, reason, state, detail, opened_at)
    SELECT 'esc_' || n, ${provider}, 'em_' || n, 'stalled', CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'resolved' END, '', now()
    FROM generate_series(1, ${rows}) AS n`
  await db.$executeRaw`
    INSERT INTO notifications (escalation_id, notice, channel) SELECT id, 1, 'log' FROM escalations`
}

/** Overdue emails for each of four searches, among twice as many others. */
const lateEmails = 60

async function fillLate(db: Database): Promise<void> {
  await db.$executeRaw`
    INSERT INTO emails (id, provider, priority, bounce_class, bounced_at, first_received_at, settled_received_at)
    SELECT kind || n, ${provider}, CASE WHEN kind = 'silent_' THEN 'normal' ELSE 'critical' END,
           CASE WHEN kind <> 'silent_' THEN 'hard' END, CASE WHEN kind <> 'silent_' THEN now() - interval '1 hour' END,
           now() - interval '1 hour', CASE WHEN kind <> 'silent_' THEN now() END
    FROM generate_series(1, ${lateEmails}::int) AS n,
         unnest(ARRAY['lost_', 'unsent_', 'again_', 'well_', 'fine_', 'silent_']) AS kind`
  await db.$executeRaw`
    INSERT INTO escalations (id, provider, email_id, reason, state, detail, opened_at, notices, noticed_at, next_notice_at)
    SELECT 'esc_' || id, ${provider}, id, 'critical_bounce', CASE WHEN id LIKE 'fine_%' THEN 'resolved' ELSE 'open' END, '',
           now(), 1, now() - interval '1 hour', CASE WHEN id LIKE 'again_%' THEN now() - interval '1 minute' END
    FROM emails WHERE id ~ '^(unsent|again|well|fine)_'`
  await db.$executeRaw`
    INSERT INTO notifications (escalation_id, notice, channel)
    SELECT id, 1, 'log' FROM escalations WHERE email_id ~ '^(again|well|fine)_'`
}

const smallTables: ReadonlySet<string> = new Set(['analytics_state', 'system_incidents'])

interface Statement {
  readonly run: (db: Database, turn: number) => Promise<unknown>
  readonly indexes: readonly string[]
  /** The limit of rows that it reads. Default 20. */
  readonly maxRows?: number
  /** Without a name, PostgreSQL plans it for its values each time, and never makes a generic plan. */
  readonly isUnnamed?: true
}

/** What a list by metadata reads: of the newest emails, and then by the index, twenty emails of a customer. */
const readOfNewest = (limit: number): number => 50 * limit + 20

/** One of the emails that the statistics of the planner hold as examples. */
async function readSampledCustomer(db: Database): Promise<string> {
  const [row] = await db.$queryRaw<{ customer: string }[]>`
    SELECT example ->> 'customer' AS customer FROM pg_stats, unnest(histogram_bounds::text::jsonb[]) WITH ORDINALITY AS bound (example, at)
    WHERE tablename = 'emails' AND attname = 'metadata' AND at BETWEEN 10 AND 90 LIMIT 1`
  return row?.customer ?? assert.fail('the statistics hold no emails')
}
let sampledCustomer = ''

/** Each critical statement, with the indexes that its docstring names. */
const statements: Record<string, Statement> = {
  'append (events, one a repeat)': {
    run: (db, turn) => insertEvents(db, [receivedEvent({ id: `new_${turn}` }), receivedEvent({ id: 'evt_1' })]),
    indexes: [],
  },
  'search for events of a record that are missing here': {
    run: async (db, turn) => {
      const ids = ['evt_1', 'evt_2', 'reconcile:em_3:sent', 'reconcile:em_4:delivered', `unknown_${turn}`]
      await findMissing(
        db,
        provider,
        ids.map((id, nth) => receivedEvent({ id, emailId: `em_${nth + 1}` })),
      )
    },
    indexes: ['event_identities_pkey', 'events_email_id_provider_idx'],
  },
  'claim of events': {
    run: (db) => claimEvents(db, { window: 64, emails: 64 }),
    indexes: ['emails_pkey', 'events_email_id_provider_idx', 'events_pkey', 'events_unclaimed', 'events_waiting'],
    maxRows: 15 * 64,
  },
  'save of a snapshot': {
    run: (db, turn) => {
      const eventIds = [`evt_${rows - turn}`]
      return saveSnapshot(db, {
        provider,
        emailId: `em_${rows - turn}`,
        snapshot: emptySnapshot,
        expectedRevision: 1,
        eventIds,
        receivedBetween: [receivedAt(rows - turn), receivedAt(rows - turn)],
      })
    },
    indexes: ['events_pkey'],
  },
  'release of claimed events': { run: (db) => releaseEvents(db, keys(1, rows - 500)), indexes: ['events_pkey'] },
  'deferral of claimed events': { run: (db) => deferEvents(db, keys(1, rows - 510), 1), indexes: ['events_pkey'] },
  'rejection of claimed events': { run: (db) => rejectEvents(db, keys(1, rows - 600), 'no'), indexes: ['events_pkey'] },
  'application of engagements': {
    run: (db) => applyEngagements(db, keys(1, rows - 620)),
    indexes: ['emails_pkey', 'events_pkey'],
  },
  'quarantine of events': {
    run: (db, turn) => quarantineEvents(db, provider, [`evt_${rows - 700 - turn}`], 'no'),
    indexes: ['events_pkey'],
  },
  'read of unapplied events': {
    run: (db) => readUnappliedIds(db, provider, ['evt_1', `evt_${rows - 800}`]),
    indexes: ['events_pkey'],
  },
  'read of events as workflows receive them': {
    run: (db) => readSignalledEvents(db, provider, ['evt_1', `evt_${rows - 800}`]),
    indexes: ['events_pkey'],
  },
  'suppression of a recipient': {
    run: (db, turn) =>
      suppressEventRecipient(db, { provider, eventId: `evt_${rows - 900 - turn}`, reason: 'hard_bounce' }),
    indexes: ['emails_pkey', 'events_pkey'],
  },
  'search for overdue emails': {
    run: async (db) => {
      const question = {
        policy: { ...policy, giveUpAfterMs: 1e9 },
        channels: ['log'],
        dueBefore: Date.now(),
        limit: 50,
      }
      const found: string[] = []
      for (let after: OverduePosition | null | undefined; after !== null; ) {
        const page = await readOverdueEmails(db, question, after ?? null)
        found.push(...page.emails.map(({ emailId }) => emailId))
        after = page.next
      }
      assert.equal(found.filter((id) => /^(lost|unsent|again|silent)_/.test(id)).length, 4 * lateEmails)
      assert.deepEqual(
        found.filter((id) => /^(well|fine)_/.test(id)),
        [],
      )
    },
    indexes: [
      'emails_unsettled',
      'emails_urgent_failures',
      'escalations_email_id_provider_reason_key',
      'escalations_next_notice',
      'escalations_noticed',
      'notifications_pkey',
    ],
    maxRows: 30 * lateEmails + 2 * (rows / 1_000),
  },
  'search for soft bounces': {
    run: (db) => readSoftBouncesAround(db, provider, 'evt_50'),
    indexes: ['emails_pkey', 'events_pkey', 'events_soft_bounces'],
  },
  'read of bounces to judge again': {
    run: async (db) => {
      const [first] = await readBounces(db, receivedAt(200_000), null, 1)
      assert.equal((await readBounces(db, 0, first?.position ?? null, 3)).length, 3)
    },
    indexes: ['emails_pkey', 'events_bounced'],
    // Bounces that are not applied lie between: the oldest are the backlog's.
    maxRows: backlog / 50 + 20,
  },
  'read of the failures of a person, and of their suppressions': {
    run: async (db) => {
      await readFailures(db, ['a50@example.com'])
      await lockSuppressions(db, db, ['a50@example.com'])
    },
    indexes: ['email_recipients_address_created_at_idx', 'events_recipient', 'suppressions_address_idx'],
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
  'read of the escalations of an email': {
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
    run: (db, turn) => eraseStoredBefore(db, `a${turn + 7}@example.com`, new Date('2100-01-01'), 500),
    indexes: [
      'email_recipients_address_created_at_idx',
      'events_email_id_provider_idx',
      'events_recipient',
      'sendings_email',
    ],
    maxRows: backlog + 100,
  },
  'search for the next hours to export': {
    run: async (db) => {
      assert.ok(await nextEventHour(db, new Date(receivedAt(50_000))))
      assert.ok(await nextEmailHour(db, new Date(0)))
    },
    indexes: ['emails_created_at_id_provider_idx', 'events_applied', 'events_pending', 'events_quarantined'],
  },
  'pages of events to export': {
    run: async (db) => {
      const pages = readEventsOf(db, new Date(receivedAt(50_000)), 5)
      assert.equal((await pages.next()).value?.length, 5)
      assert.equal((await pages.next()).value?.length, 5)
    },
    indexes: ['events_applied', 'events_pending', 'events_quarantined'],
    maxRows: 40,
  },
  'pages of emails to export': {
    run: async (db) => {
      const [first] = await db.$queryRaw<{ at: Date }[]>`SELECT min(created_at) AS at FROM emails`
      const pages = readEmailsOf(db, first?.at ?? new Date(), 5)
      assert.equal((await pages.next()).value?.length, 5)
      assert.equal((await pages.next()).value?.length, 5)
    },
    indexes: ['email_recipients_pkey', 'emails_created_at_id_provider_idx'],
    maxRows: 60,
  },
  'search for fingerprints without a key': { run: (db) => keyFingerprints(db, 10), indexes: ['sendings_unkeyed'] },
  'search for mentions of a person': {
    run: (db, turn) =>
      eraseNextMentions(db, `m${turn}@example.com`, { after: new Date(receivedAt(50_000)), limit: 500 }),
    indexes: ['events_applied', 'events_pending', 'events_quarantined'],
    maxRows: 2_000,
  },
  'list of emails to an address': {
    run: (db) => listEmails(db, { recipient: 'a7@example.com' }, null, 51),
    indexes: ['email_recipients_address_created_at_idx', 'emails_pkey'],
  },
  'list of emails by the reason of their failure': {
    run: (db) => listEmails(db, { reason: 'mailbox_full' }, null, 11),
    indexes: ['emails_failure_reason'],
  },
  'list of emails by the party of their failure': {
    run: (db) => listEmails(db, { party: 'recipient' }, null, 11),
    indexes: ['emails_failure_party'],
  },
  'list of emails by external ID': {
    run: (db) => listEmails(db, { externalId: 'order-7' }, null, 51),
    indexes: ['emails_external_id'],
  },
  'list of emails by a pair of metadata': {
    run: (db) => listEmails(db, { metadata: { order: '7' } }, null, 1),
    indexes: ['emails_metadata'],
    maxRows: readOfNewest(1),
    isUnnamed: true,
  },
  'list of emails by a pair that all have': {
    run: (db) => listEmails(db, { metadata: { env: 'production' } }, null, 11),
    indexes: ['emails_created_at_id_provider_idx'],
    // Those that are newer are the late emails, which have no metadata.
    maxRows: readOfNewest(11),
    isUnnamed: true,
  },
  'list of emails by several pairs of metadata': {
    run: (db) => listEmails(db, { metadata: { customer: 'c-7', env: 'production' } }, null, 11),
    indexes: ['emails_metadata'],
    maxRows: readOfNewest(11),
    isUnnamed: true,
  },
  'list of emails by rare pairs that the planner takes for frequent ones': {
    run: (db) => listEmails(db, { metadata: { customer: sampledCustomer } }, null, 11),
    indexes: ['emails_metadata'],
    maxRows: readOfNewest(11),
    isUnnamed: true,
  },
  'email that a mail reports about': {
    run: (db) =>
      findReportedEmail(db, { project: 'default', ids: ['em_7', 'order-8'], messageIds: ['sent@app.example'] }),
    indexes: ['emails_pkey', 'emails_external_id', 'emails_metadata'],
    isUnnamed: true,
  },
  'email that a mail reports about before its first event is applied': {
    run: (db) => findReportedEmail(db, { project: 'default', ids: ['em_none'], messageIds: [] }),
    indexes: ['events_email_id_provider_idx'],
    isUnnamed: true,
  },
  'email that is registered under an external ID': {
    run: (db) => findRegistered(db, provider, 'order-7'),
    indexes: ['emails_registered_external_id'],
  },
  'claim of an idempotency key with an external ID': {
    run: (db, turn) => {
      const [idempotencyKey, fingerprint] = [`own_${turn}`, 'f']
      return claimSending(db, { idempotencyKey, fingerprint, provider, externalId: `own-${turn}` })
    },
    indexes: ['emails_registered_external_id'],
  },
  'read of the recipients of emails': {
    run: (db) => readRecipientsOf(db, ['em_1', 'em_2', 'em_3']),
    indexes: ['email_recipients_pkey'],
  },
  'replay of named events': { run: (db) => replayEvents(db, keys(1, rows - 950)), indexes: ['events_pkey'] },
  'replay of quarantined events': {
    run: (db) => replayQuarantined(db, { provider }, { receivedAt: '2000-01-01T00:00:00Z', provider, id: 'x' }, 5),
    indexes: ['events_pkey', 'events_quarantined'],
  },
  'read of changes between two cursors': {
    run: async (db, turn) => {
      const since = await currentCursor(db)
      await db.$executeRaw`UPDATE emails SET updated_at = now() WHERE id = ${`em_${500 + turn}`} AND provider = ${provider}`
      for await (const _ of readChanges(db, since, await currentCursor(db)));
    },
    indexes: ['email_changes_pkey', 'emails_pkey'],
  },
  'read of changed emails to judge': {
    run: async (db, turn) => {
      const since = await currentCursor(db)
      await db.$executeRaw`UPDATE emails SET updated_at = now() WHERE id = ${`em_${600 + turn}`} AND provider = ${provider}`
      await readChangedAfter(db, { since, until: await currentCursor(db) }, logStart, 500)
    },
    indexes: ['email_changes_pkey', 'emails_pkey'],
  },
  'write of verdicts': {
    run: (db, turn) => {
      const n = 700 + turn
      const verdicts = [{ provider, id: `evt_${n}`, receivedAt: new Date(receivedAt(n)), reason: 'bot' as const }]
      return writeVerdicts(db, verdicts, [{ provider, emailId: `em_${n}`, opens: 1, clicks: 0 }])
    },
    indexes: ['emails_pkey', 'events_pkey'],
  },
  'pruning of changes': {
    run: async (db) => {
      await markPrunable(db, 3_600_000)
      await pruneChanges(db, 10)
    },
    indexes: ['email_changes_pkey'],
    maxRows: 50,
  },
  'read of engagements to judge': {
    run: (db) => readEngagements(db, [{ provider, emailId: 'em_1' }]),
    indexes: ['emails_pkey', 'events_email_id_provider_idx'],
  },
  'figures of the inbox': {
    run: readInboxFigures,
    indexes: ['escalations_unresolved', 'events_pending'],
    maxRows: backlog + rows / 1_000 + 4 * lateEmails,
  },
  'read of the incidents of the system': {
    run: async (db) => {
      await adoptSystemIncidents(db)
      await endSystemIncidents(db, 0, [])
      await repeatSystemNotices(db)
      await readDueNotices(db, ['webhook', 'log'])
    },
    indexes: ['escalations_of_incidents'],
  },
  'age of the oldest pending event': {
    run: readOldestPendingSeconds,
    indexes: ['events_pending'],
    maxRows: 1,
  },
}

/**
 * The statements for every event, except for the application of engagements: its plan made on an empty table of emails is a scan,
 * which a new installation executes for its first minutes. A lookup of single emails would take twice the time permanently.
 */
const perEventStatements = [
  'search for events of a record that are missing here',
  'append (events, one a repeat)',
  'claim of events',
  'release of claimed events',
  'save of a snapshot',
  'read of unapplied events',
]

/** The partition with all events until now. */
const firstMonth = async (db: Database): Promise<string> => (await readEventMonths(db))[0]?.name ?? assert.fail()

describe('on 100,000 rows, the', () => {
  // A transaction of another test that is open for long would make reads of the log of changes begin before it.
  const database = useDatabase('', ownTemplate)
  before(async () => {
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    await fill(patient)
    await fillLate(patient)
    // Months ahead exist, and are never read.
    const tables = [
      await firstMonth(patient),
      'event_identities',
      'emails',
      'email_recipients',
      'suppressions',
      'sendings',
      'escalations',
    ]
    await patient.$executeRawUnsafe(`VACUUM ANALYZE ${tables.join(', ')}`)
    sampledCustomer = await readSampledCustomer(patient)
    await patient.$disconnect()
  })

  describeBothPlannings(
    () => database.url,
    (explained, turn) => {
      for (const [name, { run, indexes, maxRows = 20, isUnnamed }] of Object.entries(statements)) {
        if (isUnnamed && turn === 1) continue
        it(`${name} reads ${indexes.length > 0 ? `by ${indexes.join(', ')}` : 'nothing'} without a sequential scan`, async () => {
          const plans = await explained().plansOf((db) => run(db, turn))
          assert.ok(plans.length > 0, 'no plan was recorded')
          // It has one to three rows permanently.
          const scanned = plans.flatMap((plan) => plan.scanned).filter((table) => !smallTables.has(table))
          assert.deepEqual(scanned, [])
          const rowsRead = plans.reduce((sum, plan) => sum + plan.rows, 0)
          assert.ok(rowsRead <= maxRows, `it read ${rowsRead} rows`)
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

  it('read without an index is detected', async () => {
    const explained = new ExplainedDatabase(database.url, 'force_custom_plan')
    const plans = await explained.plansOf((db) => db.$queryRaw`SELECT 1 FROM events WHERE subject = 'none'`)
    await explained.close()
    assert.deepEqual(plans[0]?.scanned, ['events'])
  })
})

/**
 * A connection reuses the plan of a named statement until the table's statistics change. In a new installation, and in every new
 * partition, they describe an empty table for up to a minute, in which thousands of events may be stored.
 */
describe('planned on empty tables and executed on 100,000 rows, the', () => {
  let database: TestDatabase
  let explained: ExplainedDatabase

  before(async () => {
    database = await testDatabase()
    explained = new ExplainedDatabase(database.url, 'force_generic_plan')
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 60_000 })
    for (const table of [
      'emails',
      await firstMonth(patient),
      'event_identities',
      'escalations',
      'suppressions',
      'email_changes',
    ]) {
      await patient.$executeRawUnsafe(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
    }
    for (const name of perEventStatements) await statements[name]?.run(explained.db, 0)
    // Not TRUNCATE, which invalidates all plans.
    for (const table of ['emails', 'events']) await patient.$executeRawUnsafe(`DELETE FROM ${table}`)
    await fill(patient)
    await patient.$disconnect()
  })
  after(async () => {
    await explained.close()
    await database.drop()
  })

  for (const name of perEventStatements) {
    it(`${name} reads only the rows that it needs`, async () => {
      const { run, maxRows = 20 } = statements[name] ?? assert.fail(name)
      const rowsRead = (await explained.plansOf((db) => run(db, 1))).reduce((sum, plan) => sum + plan.rows, 0)
      assert.ok(rowsRead <= maxRows, `it read ${rowsRead} rows`)
    })
  }
})
