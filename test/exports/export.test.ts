import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { createExportActivities } from '../../src/activities/export-activities.ts'
import { rollUpHour } from '../../src/db/analytics-rollups.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { readEndedHours, whenWritersEnded } from '../../src/db/exports.ts'
import { DestinationUnreachableError } from '../../src/exports/errors.ts'
import { createScheduledExport, type ExportSettings, type ScheduledExport } from '../../src/exports/scheduled-export.ts'
import { failureOf, onAttempt } from '../activities/attempt.ts'
import { store } from '../db/stored.ts'
import { temporaryFolder, useDatabase } from '../stack.ts'
import { type S3StandIn, startS3StandIn } from '../stand-ins/s3.ts'
import { until } from '../until.ts'
import { fill, hoursAgo, people, query, writeObjects } from './exported.ts'

const hashKey = 'hash-key-of-the-tests-0000000000001'
const [ada] = people
const hashOf = (address: string) => createHmac('sha256', hashKey).update(address).digest('hex')

describe('the scheduled export', () => {
  const database = useDatabase('emails, events, export_state, export_hours, analytics_rollups, analytics_dirty_hours')
  const { db } = database
  let store3: S3StandIn
  beforeEach(async () => {
    store3 = await startS3StandIn()
    await db.$executeRaw`TRUNCATE event_identities`
    await fill(db, 100)
  })
  afterEach(() => store3.close())

  const settings = (more: Partial<ExportSettings> = {}): ExportSettings => ({
    to: `s3://${store3.bucket}/a b`,
    formats: ['ndjson', 'parquet'],
    hashKey,
    withAddresses: false,
    s3: { ...store3.credentials, endpoint: store3.endpoint },
    ...more,
  })

  /** Marks the hours of emails as the roll-ups do. */
  async function rollUp(): Promise<void> {
    await db.$executeRaw`
      INSERT INTO analytics_dirty_hours (hour) SELECT DISTINCT date_trunc('hour', created_at, 'UTC') FROM emails ON CONFLICT DO NOTHING`
    const ended = await readEndedHours(db)
    while (await rollUpHour(db, ended));
  }

  const runWith = (scheduledExport: ScheduledExport | null) =>
    onAttempt(1, () => createExportActivities({ db, scheduledExport }).exportNext())
  const run = (more: Partial<ExportSettings> = {}) => runWith(createScheduledExport(db, settings(more)))

  type Put = ScheduledExport['destination']['put']

  /** The export with another way to write a file. */
  function changed(
    more: Partial<ExportSettings>,
    write: (path: string, bytes: Uint8Array, put: Put) => Promise<void>,
  ): ScheduledExport {
    const scheduled = createScheduledExport(db, settings(more))
    assert.ok(scheduled)
    const { destination } = scheduled
    return { ...scheduled, destination: { ...destination, put: (path, bytes) => write(path, bytes, destination.put) } }
  }

  const keys = () => [...store3.objects.keys()].toSorted()
  const textOf = (part: string) =>
    [...store3.objects]
      .filter(([key]) => key.includes(part) && key.endsWith('.ndjson.gz'))
      .map(([, bytes]) => gunzipSync(bytes).toString())
      .join('')
  const read = async (sql: string) => {
    const folder = await temporaryFolder()
    await writeObjects(store3.objects, folder)
    return query(`${folder}/a b`, sql)
  }

  /** Fails unless the files have what PostgreSQL has, in both formats. */
  async function assertSame(): Promise<void> {
    const [stored] = await db.$queryRaw<Record<string, unknown>[]>`
      SELECT (SELECT count(*) FROM events)::text AS events, (SELECT count(*) FROM emails)::text AS emails,
             (SELECT count(*) FROM events WHERE type = 'bounced')::text AS bounced,
             (SELECT count(*) FROM email_recipients WHERE address IS NOT NULL)::text AS hashed`
    const { parquet, ndjson } = { parquet: '*.parquet', ndjson: '*.ndjson.gz' }
    for (const files of [parquet, ndjson]) {
      const [found] = await read(`
        SELECT (SELECT count(DISTINCT event_id) FROM 'exported/events/**/${files}')::VARCHAR AS events,
               (SELECT count(DISTINCT email_id) FROM 'exported/emails/**/${files}')::VARCHAR AS emails,
               (SELECT count(*) FROM 'exported/events/**/${files}' WHERE type = 'bounced')::VARCHAR AS bounced,
               (SELECT count(*) FROM (SELECT unnest(recipients) AS one FROM 'exported/emails/**/${files}')
                WHERE one.address_hash IS NOT NULL)::VARCHAR AS hashed`)
      assert.deepEqual(found, stored)
    }
  }

  it('writes every event and email once, by hour, without what identifies a person', async () => {
    await rollUp()
    assert.deepEqual(await run(), { events: 2, emails: 2, hasMore: false })
    const folders = new Set(keys().map((key) => key.slice(0, key.lastIndexOf('/'))))
    const [first, second] = [5, 3].map((ago) => new Date(hoursAgo(ago)).toISOString())
    const folderOf = (name: string, hour = '') => `a b/${name}/date=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}`
    assert.deepEqual(
      [...folders],
      [
        folderOf('emails', first),
        folderOf('emails', second),
        folderOf('events', first),
        folderOf('events', second),
      ].toSorted(),
    )
    await assertSame()
    const text = textOf('/')
    assert.ok(text.includes(hashOf(ada)))
    assert.doesNotMatch(text, /@example|For |payload/)
    // A second run finds nothing to do.
    assert.deepEqual(await run(), { events: 0, emails: 0, hasMore: false })
  })

  it('leads from an event to its recipient, and only through the email', async () => {
    await rollUp()
    await run()
    const joined = await read(`
      SELECT recipient.address_hash AS hash, count(*)::INT AS opened
      FROM (SELECT provider, email_id, unnest(recipients) AS recipient FROM 'exported/emails/**/*.parquet') AS emails
      JOIN 'exported/events/**/*.parquet' AS events ON events.provider = emails.provider AND events.email_id = emails.email_id
        AND events.recipient_key = recipient.recipient_key
      WHERE events.type = 'opened' GROUP BY hash ORDER BY opened DESC`)
    assert.deepEqual(joined, [
      { hash: hashOf(ada), opened: 90 },
      { hash: hashOf('bob@example.com'), opened: 10 },
    ])
  })

  it('writes the same bytes, whatever step it was killed at', async () => {
    const formats = ['parquet'] as const
    await rollUp()
    await run({ formats })
    const whole = new Map(store3.objects)
    const writes = store3.requests.filter(({ method }) => method === 'PUT').length
    assert.equal(writes, 8)
    for (let step = 0; step < writes; step++) {
      await db.$executeRaw`TRUNCATE export_state, export_hours`
      let left = step
      const dying = changed({ formats }, async (path, bytes, put) => {
        if (left-- === 0) throw new DestinationUnreachableError('killed')
        await put(path, bytes)
      })
      assert.equal((await failureOf(runWith(dying))).type, 'DestinationUnreachableError')
      await run({ formats })
      assert.deepEqual(new Map(store3.objects), whole)
    }
  })

  it('writes an hour of emails again after a change, and after an erasure, whose person disappears', async () => {
    await rollUp()
    await run()
    await db.$executeRaw`UPDATE emails SET status = 'complained' WHERE id = 'em_00001'`
    await rollUp()
    assert.deepEqual(await run(), { events: 0, emails: 2, hasMore: false })
    assert.match(textOf('emails'), /"status":"complained"/)
    while (!(await eraseRecipient(db, ada, 1_000)).isComplete);
    assert.deepEqual(await run(), { events: 0, emails: 2, hasMore: false })
    assert.ok(!textOf('/').includes(hashOf(ada)))
    await assertSame()
  })

  it('does not lose the mark of an hour that changes while it is written', async () => {
    await rollUp()
    let isMarked = false
    const marking = changed({}, async (path, bytes, put) => {
      if (path.startsWith('emails') && !isMarked) {
        isMarked = true
        await rollUp()
      }
      await put(path, bytes)
    })
    assert.deepEqual(await runWith(marking), { events: 2, emails: 3, hasMore: false })
  })

  it('waits for a transaction that may still write into an hour', async () => {
    const client = await db.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query(`INSERT INTO export_hours VALUES ('2020-01-01')`)
      assert.equal(await whenWritersEnded(db, { deadlineMs: 0, onWait: () => {} }), false)
      let waits = 0
      const ended = whenWritersEnded(db, { deadlineMs: 60_000, onWait: () => waits++ })
      await until(() => waits > 0)
      await client.query('ROLLBACK')
      assert.equal(await ended, true)
    } finally {
      client.release(true)
    }
  })

  it('does not write the hour that has not ended', async () => {
    await store(db, { id: 'now', emailId: 'em_now' })
    assert.equal((await run()).events, 2)
    assert.doesNotMatch(textOf('events'), /"now"/)
  })

  it('starts anew with another key, and goes on through faults of the store', async () => {
    await rollUp()
    await run()
    store3.setFaults({ failEvery: 3 })
    assert.deepEqual(await run({ hashKey: `${hashKey}!` }), { events: 2, emails: 2, hasMore: false })
    assert.ok(!textOf('emails').includes(hashOf(ada)))
    await assertSame()
  })

  it('adds addresses only where they are asked for', async () => {
    await rollUp()
    await run({ withAddresses: true })
    assert.match(textOf('emails'), /"address":"ada@example.com"/)
    assert.doesNotMatch(textOf('events'), /@example/)
  })

  it('says what to check if the store refuses', async () => {
    const s3 = { ...store3.credentials, endpoint: store3.endpoint }
    const { message } = await failureOf(run({ s3: { ...s3, secret: 'wrong' } }))
    assert.match(message, /answers 403 \(SignatureDoesNotMatch\): check S3_ACCESS_KEY_ID/)
    assert.match((await failureOf(run({ to: 's3://other' }))).message, /no such bucket/)
  })

  it('does nothing where none is configured', async () => {
    assert.deepEqual(await run({ to: null }), { events: 0, emails: 0, hasMore: false })
    await rollUp()
    assert.equal(await db.exportHour.count(), 0)
  })
})
