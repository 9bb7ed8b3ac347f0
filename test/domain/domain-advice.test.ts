import assert from 'node:assert/strict'
import type { ReportedMail, ReportedSource } from '../../src/domain/domain-advice/finding.ts'
import { domainFindings } from '../../src/domain/domain-advice.ts'
import type { PublishedDmarc, PublishedKey, PublishedSpf } from '../../src/domain/published-dns.ts'
import { isDmarcRecord, isSpfRecord } from '../../src/domain/published-dns.ts'

const domain = 'example.com'
const good = 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com'
const dmarcOf = (...records: string[]): PublishedDmarc => ({ foundAt: domain, records, externalReports: [] })
const spfOf = (record: string | null, more: Partial<PublishedSpf> = {}): PublishedSpf => ({
  ...{ domain, records: record === null ? [] : [record], lookups: 1, voidNames: [], problems: [] },
  ...more,
})
const keyOf = (record: string | null, more: Partial<PublishedKey> = {}): PublishedKey => ({
  ...{ domain, selector: 's1', records: record === null ? [] : [record], bits: 2_048, isReadable: true },
  ...more,
})

interface Given {
  readonly dmarc?: PublishedDmarc
  readonly spf?: readonly PublishedSpf[]
  readonly keys?: readonly PublishedKey[]
  readonly reported?: ReportedMail | null
  readonly sources?: readonly ReportedSource[]
}
const findingsOf = ({ dmarc = dmarcOf(good), spf = [spfOf('v=spf1 -all')], keys = [], ...more }: Given) =>
  domainFindings({ published: { domain, dmarc, spf, keys }, reported: null, sources: [], ...more })
const summaryOf = (given: Given) =>
  findingsOf(given).map(({ severity, code, record }) => [severity, code, record?.value ?? null].join(' '))
/** The only finding. */
const onlyOf = (given: Given) => {
  const [first, ...others] = findingsOf(given)
  assert.deepEqual(others, [])
  return first
}
const mail = (messages: number, aligned: number): ReportedMail => ({
  ...{ messages, aligned, dkimAligned: aligned, spfAligned: aligned },
})

describe('the advice about a sending domain', () => {
  it('is none where all is as it should be', () => {
    assert.deepEqual(findingsOf({ keys: [keyOf('v=DKIM1; p=x')], reported: mail(10, 10) }), [])
  })

  it('of DMARC names the record to publish', () => {
    const cases: [PublishedDmarc, string[]][] = [
      [
        { foundAt: null, records: [], externalReports: [] },
        ['error dmarc_missing v=DMARC1; p=none; rua=mailto:dmarc@example.com'],
      ],
      [dmarcOf(good, good), [`error dmarc_several ${good}`]],
      [
        dmarcOf('v=DMARC1; p=all; rua=mailto:a@x.example'),
        ['error dmarc_policy_unknown v=DMARC1; p=none; rua=mailto:a@x.example'],
      ],
      [dmarcOf('v=DMARC1; p=reject'), ['warning dmarc_no_reports v=DMARC1; p=reject; rua=mailto:dmarc@example.com']],
      [
        dmarcOf('v=DMARC1;p=reject;sp=none;pct=50;t=y;rua=mailto:a@x.example'),
        [
          'warning dmarc_subdomains_open v=DMARC1; p=reject; pct=50; t=y; rua=mailto:a@x.example',
          'advice dmarc_testing v=DMARC1; p=reject; sp=none; pct=50; rua=mailto:a@x.example',
          'advice dmarc_percent v=DMARC1; p=reject; sp=none; t=y; rua=mailto:a@x.example',
        ],
      ],
      [{ foundAt: null, records: null, externalReports: [] }, ['warning dns_unanswered ']],
      [
        { ...dmarcOf(good), externalReports: [{ domain: 'r.example', isAccepted: false }] },
        ['warning dmarc_reports_refused v=DMARC1'],
      ],
    ]
    for (const [dmarc, expected] of cases) assert.deepEqual(summaryOf({ dmarc }), expected)
  })

  it('proposes a stricter policy only when reports show that nearly all mail passes', () => {
    const dmarc = dmarcOf('v=DMARC1; p=none; rua=mailto:dmarc@example.com')
    const proposal = (reported: ReportedMail | null) => onlyOf({ dmarc, reported })?.record?.value ?? null
    assert.equal(proposal(mail(100, 98)), 'v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com')
    assert.equal(proposal(mail(100, 97)), null)
    assert.equal(proposal(mail(99, 99)), null)
    assert.equal(proposal(null), null)
    const quarantine = dmarcOf('v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com')
    assert.equal(onlyOf({ dmarc: quarantine, reported: mail(100, 100) })?.record?.value, good)
  })

  it('judges an inherited record by its policy for subdomains, at the domain that has it', () => {
    const record = 'v=DMARC1; p=reject; sp=none; rua=mailto:a@example.org'
    const dmarc = { foundAt: 'example.org', records: [record], externalReports: [] }
    assert.deepEqual(onlyOf({ dmarc, reported: mail(200, 200) })?.record, {
      name: '_dmarc.example.org',
      value: 'v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@example.org',
    })
  })

  it('of SPF names what breaks it', () => {
    const cases: [PublishedSpf, string[]][] = [
      [spfOf(null), ['warning spf_missing v=spf1 -all']],
      [spfOf('v=spf1 -all', { records: ['v=spf1 -all', 'v=spf1 ~all'] }), ['error spf_several ']],
      [spfOf('v=spf1 -all', { lookups: 11 }), ['error spf_too_many_lookups ']],
      [spfOf('v=spf1 -all', { lookups: 10 }), ['advice spf_many_lookups ']],
      [spfOf('v=spf1 -all', { lookups: 8 }), []],
      [spfOf('v=spf1 -all', { voidNames: ['a', 'b', 'c'] }), ['error spf_too_many_void_lookups ']],
      [spfOf('v=spf1 -all', { voidNames: ['a', 'b'] }), ['advice spf_void_lookups ']],
      [
        spfOf('v=spf1 mx -all', { problems: [{ kind: 'too_many_mail_hosts', at: domain }] }),
        ['error spf_too_many_mail_hosts '],
      ],
      [spfOf('v=spf1 a +all'), ['error spf_allows_all v=spf1 a ~all']],
      [spfOf('v=spf1 a all'), ['error spf_allows_all v=spf1 a ~all']],
      [spfOf('v=spf1 a ?all'), ['warning spf_neutral v=spf1 a ~all']],
      [spfOf('v=spf1 a'), ['warning spf_open_end v=spf1 a ~all']],
      [spfOf('v=spf1 redirect=x.example'), []],
      [spfOf('v=spf1 ptr -all'), ['advice spf_ptr ']],
      [spfOf('v=spf1 -all', { problems: [{ kind: 'no_record', at: 'gone.example' }] }), ['error spf_no_record ']],
      [spfOf('v=spf1 -all', { records: null }), ['warning dns_unanswered ']],
    ]
    for (const [spf, expected] of cases) assert.deepEqual(summaryOf({ spf: [spf] }), expected)
  })

  it('proposes an SPF record of the sources that have signed for the domain, and of no others', () => {
    const source = (sourceIp: string, dkimAligned: number): ReportedSource => ({
      ...{
        ...mail(20, dkimAligned),
        dkimAligned,
        sourceIp,
        dkimDomain: domain,
        spfDomain: null,
        messages: dkimAligned,
      },
    })
    const sources = [source('192.0.2.1', 5), source('2001:db8::1', 3), source('203.0.113.9', 0)]
    assert.deepEqual(summaryOf({ spf: [spfOf(null)], sources }), [
      'warning spf_missing v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all',
    ])
  })

  it('of DKIM names keys that are missing, revoked, unreadable, short or a test', () => {
    const cases: [PublishedKey, string | undefined][] = [
      [keyOf(null), 'error dkim_missing '],
      [keyOf('v=DKIM1; p=', { isReadable: false, bits: null }), 'error dkim_revoked '],
      [keyOf('v=DKIM1; p=AAAA', { isReadable: false, bits: null }), 'error dkim_unreadable '],
      [keyOf('v=DKIM1; p=x', { bits: 768 }), 'error dkim_short '],
      [keyOf('v=DKIM1; p=x', { bits: 1_024 }), 'advice dkim_short '],
      [keyOf('v=DKIM1; t=s:y; p=x'), 'advice dkim_testing '],
      [keyOf('v=DKIM1; k=ed25519; p=x', { bits: null }), undefined],
    ]
    for (const [key, expected] of cases) assert.equal(summaryOf({ keys: [key] })[0], expected)
    assert.deepEqual(summaryOf({ reported: { ...mail(10, 10), dkimAligned: 0 } }), ['warning dkim_not_aligned '])
  })

  it('of sources names who sends without alignment, once, and who sends most first', () => {
    const source = (sourceIp: string, failing: number, dkimDomain: string | null): ReportedSource => ({
      ...{ ...mail(failing + 1, 1), sourceIp, dkimDomain, spfDomain: 'return.example' },
    })
    const sources = [source('192.0.2.1', 9, 'esp.example'), source('192.0.2.2', 8, 'esp.example')]
    const found = findingsOf({
      sources: [
        ...sources,
        source('192.0.2.3', 50, null),
        source('192.0.2.4', 9, 'few.example'),
        source('192.0.2.5', 90, 'mail.example.com'),
      ],
    })
    assert.deepEqual(
      found.map(({ problem }) => problem),
      [
        '50 messages from 192.0.2.3 authenticate as return.example, not as example.com: they fail DMARC.',
        '17 messages from 192.0.2.1 and 1 more authenticate as esp.example, not as example.com: they fail DMARC.',
      ],
    )
  })

  it('puts errors first', () => {
    const given = { dmarc: dmarcOf('v=DMARC1; p=none'), spf: [spfOf('v=spf1 +all')] }
    assert.deepEqual(
      findingsOf(given).map(({ severity }) => severity),
      ['error', 'warning', 'advice'],
    )
  })

  it('takes records by their version alone', () => {
    assert.deepEqual(['v=DMARC1', 'v=DMARC1;p=none', 'v = DMARC1 ; p=none'].map(isDmarcRecord), [true, true, true])
    assert.deepEqual(['v=DMARC12;', 'v=DMARC', 'p=none; v=DMARC1'].map(isDmarcRecord), [false, false, false])
    assert.deepEqual(['v=spf1', 'V=SPF1 -all', 'v=spf10 -all'].map(isSpfRecord), [true, true, false])
  })
})
