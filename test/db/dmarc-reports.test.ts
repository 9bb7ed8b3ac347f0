import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import {
  deleteOldDmarcReports,
  listDmarcDomains,
  readDomainDays,
  readDomainSources,
  readReporters,
  readReturnPaths,
  readSigningKeys,
  storeDmarcReports,
} from '../../src/db/dmarc-reports.ts'
import type { DmarcReport } from '../../src/domain/dmarc-report.ts'
import { dmarcReportsIn } from '../../src/domains/dmarc-reports.ts'
import { type RecordFields, type ReportFields, reportXml } from '../domains/report-xml.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

const reportWith = async (records: readonly RecordFields[], fields: ReportFields = {}): Promise<DmarcReport> => {
  const content = Buffer.from(reportXml(records, fields))
  const [report] = await dmarcReportsIn([{ filename: null, contentType: '', content }])
  assert.ok(report)
  return report
}
const since = '2025-01-01'
const dayAfter = 1_735_689_600 + 86_400

describe('stored DMARC reports', () => {
  const { db } = useDatabase('dmarc_reports')
  const period = { domain: 'example.com', since }
  const list = (after = '', limit = 10) => listDmarcDomains(db, { since, after, limit })

  it('count once, also when they are received again or at the same moment', async () => {
    const reports = [await reportWith([{ messages: 3 }, { messages: 4 }])]
    assert.deepEqual(await storeDmarcReports(db, 'default', reports), { stored: 1, repeated: 0 })
    const again = await Promise.all([1, 2, 3].map(() => storeDmarcReports(db, 'default', reports)))
    assert.deepEqual(
      again.map(({ repeated }) => repeated),
      [1, 1, 1],
    )
    assert.equal((await list())[0]?.messages, 7)
    // Of another project it is another report.
    assert.equal((await storeDmarcReports(db, 'shop', reports)).stored, 1)
  })

  it('are stored whole or not at all', async () => {
    const report = await reportWith([{}, {}])
    const broken = { ...report, records: report.records.map((record) => ({ ...record, sourceIp: 'none' })) }
    await assert.rejects(storeDmarcReports(db, 'default', [broken]))
    assert.equal(await db.dmarcReport.count(), 0)
    assert.equal((await storeDmarcReports(db, 'default', [report])).stored, 1)
  })

  it('sum up by domain, day and source', async () => {
    await storeDmarcReports(db, 'default', [
      await reportWith([
        { sourceIp: '192.0.2.1', messages: 10 },
        { sourceIp: '2001:db8::1', messages: 5, dkim: 'fail', spf: 'pass' },
        {
          sourceIp: '203.0.113.9',
          messages: 2,
          dkim: 'fail',
          spf: 'fail',
          disposition: 'reject',
          dkimDomain: 'other.example',
        },
      ]),
      await reportWith([{ sourceIp: '192.0.2.1', messages: 1 }], { reportId: 'r2', begin: dayAfter, policy: 'reject' }),
      await reportWith([{}], { reportId: 'r3', domain: 'a.example' }),
    ])
    const tallyOf = ({ messages, aligned, dkimAligned, spfAligned, quarantined, rejected }: Record<string, unknown>) =>
      [messages, aligned, dkimAligned, spfAligned, quarantined, rejected].join(' ')
    const domains = await list()
    assert.deepEqual(
      domains.map((row) => [row.domain, row.lastDay, row.policy.policy, tallyOf({ ...row })]),
      [
        ['a.example', '2025-01-01', 'none', '1 1 1 1 0 0'],
        ['example.com', '2025-01-02', 'reject', '18 16 11 16 0 2'],
      ],
    )
    assert.deepEqual([(await list('a.example')).length, (await list('', 1)).length], [1, 1])
    assert.deepEqual(
      (await readDomainDays(db, period)).map((row) => [row.day, row.policy?.policy, tallyOf({ ...row })]),
      [
        ['2025-01-01', 'none', '17 15 10 15 0 2'],
        ['2025-01-02', 'reject', '1 1 1 1 0 0'],
      ],
    )
    assert.deepEqual(
      (await readDomainSources(db, period, 10)).map((row) => [
        row.sourceIp,
        row.lastDay,
        row.dkimDomain,
        row.spfDomain,
      ]),
      [
        ['192.0.2.1', '2025-01-02', 'example.com', 'example.com'],
        ['2001:db8::1', '2025-01-01', 'example.com', 'example.com'],
        ['203.0.113.9', '2025-01-01', 'other.example', null],
      ],
    )
  })

  it('name the keys and return paths of the domain, and of no other', async () => {
    await storeDmarcReports(db, 'default', [
      await reportWith([
        { messages: 3, dkimDomain: 'mail.example.com', envelopeFrom: 'bounces.example.com' },
        { messages: 2, dkimDomain: 'notexample.com', envelopeFrom: 'provider.example' },
        { messages: 1 },
      ]),
    ])
    assert.deepEqual(await readSigningKeys(db, period, 10), [
      { domain: 'mail.example.com', selector: 's1', messages: 3 },
      { domain: 'example.com', selector: 's1', messages: 1 },
    ])
    assert.deepEqual(await readReturnPaths(db, period, 10), [
      { domain: 'bounces.example.com', messages: 3 },
      { domain: 'example.com', messages: 1 },
    ])
  })

  it('are deleted by the time of their receipt, with their records', async () => {
    await storeDmarcReports(db, 'default', [await reportWith([{}]), await reportWith([{}], { reportId: 'r2' })])
    await db.dmarcReport.updateMany({ where: { reportId: 'r1' }, data: { receivedAt: new Date(Date.now() - 10_000) } })
    assert.equal(await deleteOldDmarcReports(db, Date.now() - 5_000, 10), 1)
    assert.deepEqual([await db.dmarcReport.count(), await db.dmarcRecord.count()], [1, 1])
  })
})

/** Of each domain 1,000 reports with 20 records, one report a day. */
const [domains, days, recordsOfReport] = [5, 1_000, 20]

describe('on 100,000 DMARC records, the', () => {
  const database = useDatabase()
  before(async () => {
    const { db } = database
    await db.$executeRaw`
      INSERT INTO dmarc_reports (project, organization, report_id, domain, begins_at, ends_at, day, policy, received_at)
      SELECT 'default', 'receiver', 'r' || n, 'd' || d || '.example', day, day + interval '1 day', day, '{"policy":"none"}', day
      FROM generate_series(1, ${domains}::int) AS d, generate_series(1, ${days}::int) AS n,
           LATERAL (SELECT timestamptz '2025-01-01Z' - n * interval '1 day' AS day) AS of_report`
    await db.$executeRaw`
      INSERT INTO dmarc_records (dmarc_report_id, position, project, domain, day, source_ip, messages, is_dkim_aligned, is_spf_aligned,
                                 overrides, header_from, auth_results)
      SELECT id, n, project, domain, day, inet '192.0.2.0' + n, 1, true, false, '{}', domain,
             '{"dkim":[{"domain":"d1.example","selector":"s","result":"pass"}],"spf":[]}'
      FROM dmarc_reports, generate_series(1, ${recordsOfReport}::int) AS n`
    await db.$executeRawUnsafe('VACUUM ANALYZE dmarc_reports, dmarc_records')
  })

  const lastMonth = { domain: 'd1.example', since: '2024-12-02' }
  const inMonth = 30 * recordsOfReport
  const byDay = 'dmarc_records_domain_day_idx'
  const statements: Record<string, { run: (db: Database) => Promise<unknown>; indexes: string[]; maxRows: number }> = {
    'list of domains': {
      run: (db) => listDmarcDomains(db, { since: lastMonth.since, after: '', limit: 50 }),
      indexes: ['dmarc_reports_domain_day_idx', byDay],
      maxRows: domains * (inMonth + 20),
    },
    'read of days': {
      run: (db) => readDomainDays(db, lastMonth),
      indexes: [byDay, 'dmarc_reports_domain_day_idx'],
      maxRows: inMonth * 3,
    },
    'read of sources': { run: (db) => readDomainSources(db, lastMonth, 50), indexes: [byDay], maxRows: inMonth * 3 },
    'read of reporters': {
      run: (db) => readReporters(db, lastMonth, 100),
      indexes: ['dmarc_reports_domain_day_idx'],
      maxRows: 30 * 5,
    },
    'read of keys': { run: (db) => readSigningKeys(db, lastMonth, 10), indexes: [byDay], maxRows: inMonth * 5 },
    'read of return paths': { run: (db) => readReturnPaths(db, lastMonth, 10), indexes: [byDay], maxRows: inMonth * 5 },
    'deletion of old reports': {
      run: (db) => deleteOldDmarcReports(db, Date.UTC(2022, 5), 10),
      // Its records are deleted by the foreign key, which shows no plan.
      indexes: ['dmarc_reports_received_at_idx', 'dmarc_reports_pkey'],
      maxRows: 10 * 4 + 10 * recordsOfReport * 2,
    },
  }

  describeBothPlannings(
    () => database.url,
    (explained) => {
      for (const [name, { run, indexes, maxRows }] of Object.entries(statements)) {
        it(`${name} reads by ${indexes.join(', ')}`, async () => {
          const plans = await explained().plansOf(run)
          assert.deepEqual(
            plans.flatMap((plan) => plan.scanned),
            [],
          )
          const used = new Set(plans.flatMap((plan) => plan.indexes))
          assert.deepEqual(
            indexes.filter((index) => !used.has(index)),
            [],
            `it used ${[...used]}`,
          )
          const read = plans.reduce((sum, plan) => sum + plan.rows, 0)
          assert.ok(read <= maxRows, `it read ${read} rows`)
        })
      }
    },
  )
})
