import assert from 'node:assert/strict'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { erasedKeyOf } from '../../src/db/erased-address.ts'
import { countEmailsTo, listEmailsTo, readSubscriptionsOf, readSuppressionsOf } from '../../src/db/recipient-history.ts'
import { addManualSuppression, removeSuppression } from '../../src/db/suppressions.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'
import { store } from './stored.ts'

const [ada, grace] = ['ada@example.com', 'grace@example.com']

describe('what is stored of one person', () => {
  const { db } = useDatabase('emails, email_recipients, events, suppressions')
  const at = Date.UTC(2026, 10, 1)
  const email = (id: string, provider: string, createdAt: number, ...recipients: string[]) =>
    db.email.create({ data: { id, provider, to: recipients, recipients, createdAt: new Date(createdAt) } })

  it('has the emails of all providers, newest first, in pages without gaps', async () => {
    await email('em_1', 'aisend', at, ada)
    await email('em_1', 'resend', at, ada, grace)
    await email('em_2', 'aisend', at, ada)
    await email('em_3', 'ses', at + 1, ada)
    await email('em_4', 'ses', at + 2, grace)
    const found: string[] = []
    let after: Parameters<typeof listEmailsTo>[2] = null
    for (;;) {
      const [row] = await listEmailsTo(db, ada, after, 1)
      if (!row) break
      found.push(`${row.provider} ${row.id}`)
      after = { createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider }
    }
    assert.deepEqual(found, ['ses em_3', 'aisend em_2', 'resend em_1', 'aisend em_1'])
    assert.equal(await countEmailsTo(db, ada), 4)
    assert.equal(await countEmailsTo(db, 'nobody@example.com'), 0)
  })

  it('has the emails under both spellings of an international domain', async () => {
    await email('em_1', 'aisend', at, 'ada@bücher.example')
    await email('em_2', 'aisend', at + 1, 'ada@xn--bcher-kva.example')
    const rows = await listEmailsTo(db, 'ada@xn--bcher-kva.example', null, 5)
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['em_2', 'em_1'],
    )
    assert.equal(await countEmailsTo(db, 'ada@xn--bcher-kva.example'), 2)
  })

  it('has each suppression with the event that caused it, also under the keyed hash', async () => {
    const bounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user' } as const
    await store(db, { id: 'evt_1', type: 'bounced', recipient: ada, bounce })
    const hash = erasedKeyOf(db, ada) ?? ''
    await db.suppression.createMany({
      data: [
        { address: ada, reason: 'hard_bounce', provider: 'aisend', emailId: 'em_1', eventId: 'evt_1' },
        { address: hash, reason: 'complaint', provider: 'aisend', eventId: 'evt_gone', removedAt: new Date() },
      ],
    })
    await removeSuppression(db, 'default', ada, { by: 'grace', note: 'works again' })
    await addManualSuppression(db, 'default', ada, { by: 'grace', note: 'asked by phone' })
    await addManualSuppression(db, 'default', grace)
    const known = await readSuppressionsOf(db, ada)
    assert.deepEqual(
      known.map(({ reason, removedBy, cause }) => [reason, removedBy, cause?.bounceCode ?? null]),
      [
        ['manual', null, null],
        ['complaint', null, null],
        ['hard_bounce', 'grace', '5.1.1'],
      ],
    )
  })

  it('has the last subscription event of each list, and none that is quarantined', async () => {
    const event = (id: string, type: string, list: string | null, occurredAt: number, more: object = {}) =>
      store(db, { id, type, occurredAt, recipient: ada, ...more }).then(() =>
        db.event.updateMany({ where: { eventId: id }, data: { list } }),
      )
    await event('evt_1', 'unsubscribed', 'news', at)
    await event('evt_2', 'resubscribed', 'news', at + 1)
    await event('evt_3', 'unsubscribed', null, at + 2)
    await event('evt_4', 'unsubscribed', 'offers', at + 3, { provider: 'sendgrid' })
    await event('evt_5', 'unsubscribed', 'odd', at + 4, { quarantinedReason: 'too odd' })
    await event('evt_6', 'unsubscribed', 'other', at + 5, { recipient: grace })
    assert.deepEqual(
      (await readSubscriptionsOf(db, ada)).map(({ provider, list, type }) => [provider, list, type]),
      [
        ['sendgrid', 'offers', 'unsubscribed'],
        ['aisend', null, 'unsubscribed'],
        ['aisend', 'news', 'resubscribed'],
      ],
    )
  })
})

const rows = 100_000
/** Every fourth email is to this one. */
const busy = 'monitor@example.com'
const after = { createdAt: '2026-11-01T10:00:00.000Z', id: 'em_5', provider: 'aisend' }

describe('the statements about one person, on 100,000 emails, events and suppressions', function () {
  this.timeout(120_000)
  const database = useDatabase()

  before(async () => {
    const patient = createDatabase({ url: database.url, statementTimeoutMs: 100_000 })
    await fill(patient)
    await patient.$executeRaw`VACUUM ANALYZE emails, email_recipients, events, suppressions`
    await patient.$disconnect()
  })

  describeBothPlannings(
    () => database.url,
    (explained) => {
      const assertReads = async (
        statement: (db: Database) => Promise<unknown>,
        { indexes, maxRows }: { indexes: readonly string[]; maxRows: number },
      ) => {
        const plans = await explained().plansOf(statement)
        const used = new Set(plans.flatMap((plan) => plan.indexes))
        assert.deepEqual([...used].sort(), indexes)
        assert.deepEqual(
          plans.flatMap(({ scanned }) => scanned),
          [],
        )
        const read = plans.reduce((sum, plan) => sum + plan.rows, 0)
        assert.ok(read <= maxRows, `reads ${read} rows`)
      }

      for (const address of ['a7@example.com', busy, 'nobody@example.com']) {
        it(`list a page of the emails of ${address} by index`, async () => {
          const indexes = ['email_recipients_address_created_at_idx', 'emails_pkey']
          await assertReads((db) => listEmailsTo(db, address, null, 51), { indexes, maxRows: 160 })
          await assertReads((db) => listEmailsTo(db, address, after, 51), { indexes, maxRows: 160 })
        })
      }

      it('count the emails of a person by index', () =>
        assertReads((db) => countEmailsTo(db, 'a7@example.com'), {
          indexes: ['email_recipients_address_created_at_idx'],
          maxRows: 20,
        }))

      it('find the suppressions of a person and their events by index', () =>
        assertReads((db) => readSuppressionsOf(db, 'a7@example.com'), {
          indexes: ['events_pkey', 'suppressions_address_idx'],
          maxRows: 20,
        }))

      it('find the subscriptions of a person with many events by index', () =>
        assertReads((db) => readSubscriptionsOf(db, busy), { indexes: ['events_subscriptions'], maxRows: 60 }))
    },
  )
})

async function fill(db: Database): Promise<void> {
  // Without recipients in emails, whose trigger would take half a minute to add these rows.
  await db.$executeRaw`
    INSERT INTO emails (id, provider, created_at)
    SELECT 'em_' || n, 'aisend', '2026-11-01T12:00Z'::timestamptz - n * interval '1 second'
    FROM generate_series(1, ${rows}::int) AS n`
  await db.$executeRaw`
    INSERT INTO email_recipients (provider, email_id, key, address, created_at)
    SELECT provider, id, 'key', CASE WHEN n % 4 = 0 THEN ${busy} ELSE 'a' || n % 20000 || '@example.com' END, created_at
    FROM emails, substr(id, 4) AS digits, CAST(digits AS int) AS n`
  await db.$executeRaw`
    INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, recipient, payload, applied_at)
    SELECT 'aisend', 'evt_' || n, 'em_' || n, CASE WHEN n % 2000 = 0 THEN 'unsubscribed' WHEN n % 10 = 1 THEN 'novel' ELSE 'opened' END,
           now() - n * interval '1 second', now() - n * interval '1 second',
           CASE WHEN n % 4 = 0 THEN ${busy} ELSE 'a' || n % 20000 || '@example.com' END, '{}', now()
    FROM generate_series(1, ${rows}::int) AS n`
  await db.$executeRaw`
    INSERT INTO suppressions (address, reason, provider, email_id, event_id)
    SELECT 'a' || n || '@example.com', 'complaint', 'aisend', 'em_' || n, 'evt_' || n
    FROM generate_series(1, ${rows}::int) AS n`
}
