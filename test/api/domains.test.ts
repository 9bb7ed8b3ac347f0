import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import type { DomainView } from '../../src/api/domain-view.ts'
import { type RecordFields, reportXml } from '../domains/report-xml.ts'
import { useDatabase } from '../stack.ts'
import { apiKey, problemIn, useApi } from './served.ts'

const now = Date.UTC(2025, 0, 10)
const begin = now / 1_000 - 3 * 86_400

describe('/v1/domains', () => {
  const { db } = useDatabase('dmarc_reports, audit_log')
  const asked: string[] = []
  const served = useApi(() => ({
    ...{ db, clock: () => now },
    dns: {
      async recordsOf(name) {
        asked.push(name)
        return name === '_dmarc.example.com' ? ['v=DMARC1; p=none; rua=mailto:dmarc@example.com'] : []
      },
    },
  }))
  beforeEach(() => asked.splice(0))

  const send = (body: string | Buffer, type = 'application/octet-stream') =>
    fetch(`${served.url}/v1/domains/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': type },
      body: body as string,
    })
  const get = async <T>(path: string): Promise<T> => (await (await served.call('GET', path)).json()) as T
  const records: RecordFields[] = [
    { messages: 90 },
    {
      sourceIp: '203.0.113.9',
      messages: 10,
      dkim: 'fail',
      spf: 'fail',
      dkimDomain: 'esp.example',
      disposition: 'reject',
    },
  ]

  it('imports a report once, and says what it has', async () => {
    const file = gzipSync(reportXml(records, { begin }))
    const first = await send(file)
    assert.deepEqual(
      [first.status, await first.json()],
      [
        200,
        {
          ...{ stored: 1, repeated: 0 },
          reports: [
            {
              ...{ organization: 'Example Receiver', reportId: 'r1', domain: 'example.com', day: '2025-01-07' },
              ...{ records: 2, messages: 100 },
            },
          ],
        },
      ],
    )
    const again = (await (await send(file, 'application/gzip')).json()) as { repeated: number }
    assert.equal(again.repeated, 1)
    const { data } = await get<{ data: { domain: string; messages: number; passRate: number }[] }>('/v1/domains')
    assert.deepEqual(
      data.map(({ domain, messages, passRate }) => [domain, messages, passRate]),
      [['example.com', 100, 0.9]],
    )
    const entries = await db.auditEntry.findMany()
    assert.deepEqual(
      entries.map(({ action, subject }) => [action, subject]),
      [
        ['domain.import_reports', 'example.com'],
        ['domain.import_reports', 'example.com'],
      ],
    )
  })

  it('refuses what is no report, and says why', async () => {
    assert.match((await problemIn(await send('{}'))).detail, /has no DMARC aggregate report/)
    assert.match((await problemIn(await send('<feedback><a></feedback>'))).detail, /not well-formed XML in line 1/)
    assert.equal((await send('x', 'text/plain')).status, 415)
    assert.equal((await send(Buffer.alloc(10 * 1_048_576 + 1))).status, 413)
    assert.equal(await db.dmarcReport.count(), 0)
  })

  it('shows days, sources, what DNS publishes and what to change', async () => {
    await send(reportXml(records, { begin }))
    const view = await get<DomainView>('/v1/domains/EXAMPLE.com')
    assert.deepEqual(
      [view.domain, view.since, view.passRate, view.policy?.policy],
      ['example.com', '2024-12-11', 0.9, 'none'],
    )
    assert.deepEqual(
      view.days.map(({ day, messages, aligned, rejected }) => [day, messages, aligned, rejected]),
      [['2025-01-07', 100, 90, 10]],
    )
    assert.deepEqual(
      view.sources.map(({ sourceIp, dkimDomain }) => [sourceIp, dkimDomain]),
      [
        ['192.0.2.1', 'example.com'],
        ['203.0.113.9', 'esp.example'],
      ],
    )
    assert.deepEqual(
      view.findings.map(({ code }) => code),
      ['dkim_missing', 'spf_missing', 'source_not_aligned', 'dmarc_policy_weak'],
    )
    assert.deepEqual(asked.sort(), ['_dmarc.example.com', 'example.com', 's1._domainkey.example.com'])
  })

  it('shows what to change about a domain without reports', async () => {
    const view = await get<DomainView>('/v1/domains/new.example')
    assert.deepEqual([view.messages, view.passRate, view.policy], [0, null, null])
    assert.deepEqual(
      view.findings.map(({ code }) => code),
      ['dmarc_missing', 'spf_missing'],
    )
    assert.equal((await served.call('GET', '/v1/domains/localhost')).status, 400)
  })

  it('leaves out days before the period', async () => {
    await send(reportXml(records, { begin }))
    await send(reportXml(records, { begin: begin - 86_400, reportId: 'r2' }))
    const messagesSince = async (since: string) =>
      (await get<DomainView>(`/v1/domains/example.com?since=${since}`)).messages
    assert.equal(await messagesSince('2025-01-06T12:00:00Z'), 200)
    assert.equal(await messagesSince('2025-01-07T12:00:00Z'), 100)
  })
})
