import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { storeDmarcReports } from '../../src/db/dmarc-reports.ts'
import { dmarcReportsIn } from '../../src/domains/dmarc-reports.ts'
import { type RecordFields, type ReportFields, reportXml } from '../domains/report-xml.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

const now = Date.UTC(2025, 0, 10)
const begin = now / 1_000 - 3 * 86_400

describe('the pages of domains', () => {
  const { db } = useDatabase('dmarc_reports')
  const texts: Record<string, string[]> = {
    '_dmarc.example.com': ['v=DMARC1; p=none; rua=mailto:dmarc@example.com'],
    'example.com': ['v=spf1 -all'],
  }
  const { visitor } = useDashboard(() => ({
    ...{ db, clock: () => now },
    dns: {
      async recordsOf(name) {
        if (name.startsWith('silent')) throw new Error('silent')
        return texts[name] ?? []
      },
    },
  }))

  const add = async (records: readonly RecordFields[], fields: ReportFields = {}, from: string | null = null) => {
    const content = Buffer.from(reportXml(records, { begin, ...fields }))
    await storeDmarcReports(db, 'default', await dmarcReportsIn([{ filename: null, contentType: '', content }]), from)
  }
  /** What a person reads of a page. */
  const textOf = async (path: string) => textIn(await visitor.html(path))
  const textIn = (html: string) =>
    html
      .replace(/^[\s\S]*<main/, '<main')
      .replace(/<[^>]+>/g, ' ')
      .replaceAll('&quot;', '"')
      .replace(/\s+/g, ' ')

  it('list the domains with their share of messages that pass, and lead to each', async () => {
    assert.match(await textOf('/domains'), /No DMARC reports yet/)
    await add([{ messages: 97 }, { messages: 3, dkim: 'fail', spf: 'fail' }], { policy: 'reject' })
    assert.match(await textOf('/domains'), /example\.com 100 97\.0 % Reject 2025-01-07/)
    assert.match(await visitor.html('/domains'), /href="\/domains\/example\.com"/)
  })

  it('lead from the search to a domain without reports, and ask again for what is none', async () => {
    const answer = await visitor.get('/domains?domain=New.Example.')
    assert.deepEqual([answer.status, answer.headers.get('location')], [303, '/domains/new.example'])
    assert.match(
      await textOf('/domains/new.example'),
      /There is no DMARC record.*_dmarc\.new\.example v=DMARC1; p=none; rua=/,
    )
    const rejected = await visitor.get('/domains?domain=nothing')
    assert.equal(rejected.status, 400)
    assert.match(await rejected.text(), /Enter a domain, such as example\.com/)
    assert.equal((await visitor.get('/domains/nothing')).status, 400)
  })

  it('show what to change, the days with their policy, the sources and the records in DNS', async () => {
    await add([
      { messages: 60 },
      {
        sourceIp: '203.0.113.9',
        messages: 40,
        dkim: 'fail',
        spf: 'fail',
        dkimDomain: 'esp.example',
        disposition: 'quarantine',
      },
    ])
    await add([{ messages: 1 }], { reportId: 'r2', begin: begin - 20 * 86_400, policy: 'quarantine' })
    const text = await textOf('/domains/example.com')
    assert.match(text, /Error Mail is signed with the key s1\._domainkey\.example\.com, which DNS does not have\./)
    assert.match(text, /Warning 40 messages from 203\.0\.113\.9 authenticate as esp\.example, not as example\.com/)
    assert.match(text, /2024-12-18 1 0 1 1 0 0 Quarantine 2025-01-07 60 40 60 60 40 0 None/)
    assert.match(text, /203\.0\.113\.9 signed by esp\.example 40 0 % 0 % 0 % 40 0 2025-01-07 2025-01-07/)
    assert.match(text, /_dmarc\.example\.com v=DMARC1; p=none; rua=mailto:dmarc@example\.com example\.com v=spf1 -all/)
    assert.doesNotMatch(await textOf('/domains/example.com?range=7d'), /2024-12-18/)
  })

  it('show who vouches for the reports, where mail says so', async () => {
    await add([{}], { organization: 'google.com', reportId: 'r0' })
    assert.doesNotMatch(await textOf('/domains/example.com'), /Who sent the reports/)
    await add([{}], { organization: 'google.com', reportId: 'r1' }, 'google.com')
    await add([{}], { organization: 'google.com', reportId: 'r2' }, 'google.com')
    await add([{}], { organization: 'google.com', reportId: 'r3' }, 'evil.example')
    await add([{}], { organization: 'Mallory', reportId: 'r4' }, '')
    assert.match(
      await textOf('/domains/example.com'),
      /Last day \(UTC\) google\.com verified as google\.com 2 2025-01-07 Mallory not verified 1 .* google\.com verified as evil\.example 1 .* google\.com not checked 1 /,
    )
  })

  it('import several files of reports, each by itself, and lead to their domains', async () => {
    const own = gzipSync(reportXml([{ messages: 7 }], { begin }))
    const files = {
      'own.xml.gz': own,
      'own again.gz': own,
      'photo.jpg': 'no report',
      'cut.xml.gz': own.subarray(0, 90),
    }
    const response = await visitor.uploadFiles('/domains/reports', files)
    const html = await response.text()
    assert.equal(response.status, 200)
    assert.match(textIn(html), /Imported Reports stored 1 Stored before 1 Domains example\.com/)
    assert.match(
      textIn(html),
      /photo\.jpg : the file has no DMARC aggregate report.* cut\.xml\.gz : the gzip file is damaged/,
    )
    assert.match(textIn(html), /example\.com 7 100\.0 %/)
    const entry = await db.auditEntry.findFirst({ orderBy: { id: 'desc' } })
    assert.deepEqual([entry?.action, entry?.subject, entry?.actor], ['domain.import_reports', 'example.com', 'grace'])
  })

  it('refuse uploads without a report, and over 10 MiB together', async () => {
    const upload = (files: Record<string, string>) => visitor.uploadFiles('/domains/reports', files)
    const none = await upload({ 'a.txt': 'a' })
    assert.equal(none.status, 400)
    assert.match(await none.text(), /Nothing was imported/)
    assert.equal((await upload({ 'empty.xml': '' })).status, 400)
    const half = 'a'.repeat(5_300_000)
    assert.equal((await upload({ 'a.xml': half, 'b.xml': half })).status, 413)
    assert.equal((await upload(Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`${n}`, 'a'])))).status, 413)
    assert.equal((await visitor.post('/domains/reports', { file: 'a' })).status, 415)
    assert.equal(await db.dmarcReport.count(), 0)
  })

  it('say that DNS did not answer, and show the reports all the same', async () => {
    await add([{ messages: 5 }], { domain: 'silent.example' })
    const text = await textOf('/domains/silent.example')
    assert.match(text, /DNS did not answer for silent\.example/)
    assert.match(text, /Pass DMARC 100\.0 % \(5\)/)
  })

  it('show what a report says as text', async () => {
    await add([{ dkimDomain: '&lt;script&gt;alert(1)&lt;/script&gt;' }])
    const html = await visitor.html('/domains/example.com')
    assert.ok(!html.includes('<script>alert') && html.includes('&lt;script>alert(1)'))
  })
})
