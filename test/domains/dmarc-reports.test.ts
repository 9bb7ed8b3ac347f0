import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { dmarcReportsIn } from '../../src/domains/dmarc-reports.ts'
import { UnreadableReportError } from '../../src/domains/unreadable-report.ts'
import { type RecordFields, reportXml } from './report-xml.ts'

const folder = new URL('fixtures/', import.meta.url)
const attachment = (content: Buffer | string) => ({
  filename: null,
  contentType: 'application/octet-stream',
  content: Buffer.from(content),
})
const readAll = (content: Buffer | string, limits = {}) => dmarcReportsIn([attachment(content)], limits)
const refused = (content: Buffer | string, message: RegExp, limits = {}) =>
  assert.rejects(
    readAll(content, limits),
    (error) => error instanceof UnreadableReportError && message.test(error.message),
  )

/** One entry, with sizes that the caller may lie about. */
function zipOf(entries: readonly { readonly name: string; readonly content: Buffer; readonly claimedSize?: number }[]) {
  const parts: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const { name, content, claimedSize = content.length } of entries) {
    const data = deflateRawSync(content, { level: 9 })
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(claimedSize, 18)
    common.writeUInt16LE(name.length, 22)
    parts.push(Buffer.from('PK\x03\x04'), common, Buffer.from(name), data)
    const end = Buffer.alloc(14)
    end.writeUInt32LE(at, 10)
    central.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, end, Buffer.from(name))
    at += 30 + name.length + data.length
  }
  const directory = Buffer.concat(central)
  const last = Buffer.alloc(18)
  last.writeUInt16LE(entries.length, 4)
  last.writeUInt16LE(entries.length, 6)
  last.writeUInt32LE(directory.length, 8)
  last.writeUInt32LE(at, 12)
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06'), last])
}

describe('a DMARC aggregate report', () => {
  it('is read from every valid sample of parsedmarc', async () => {
    const files = readdirSync(folder).filter((name) => /\.(xml|gz|zip)$/.test(name))
    assert.equal(files.length, 21)
    for (const name of files) {
      const [report, ...others] = await readAll(readFileSync(new URL(name, folder)))
      assert.ok(report && others.length === 0, name)
      assert.ok(report.records.length > 0 && report.records.every(({ messages }) => messages > 0), name)
      assert.match(report.domain, /^[a-z0-9.-]+\.[a-z]+$/, name)
    }
  })

  it('has its sources, results and policy', async () => {
    const [report] = await readAll(readFileSync(new URL('rfc9990-policies.xml', folder)))
    const { records, ...head } = report ?? { records: [] }
    assert.deepEqual(head, {
      organization: 'example.net',
      reportId: 'dmarcbis-test-report-001',
      domain: 'example.com',
      beginsAt: 1_700_000_000_000,
      endsAt: 1_700_086_399_000,
      policy: {
        ...{ policy: 'reject', subdomainPolicy: 'quarantine', missingSubdomainPolicy: 'reject', percent: null },
        ...{ dkimAlignment: 'strict', spfAlignment: 'strict', isTesting: true },
      },
    })
    assert.deepEqual(records, [
      {
        ...{ sourceIp: '198.51.100.1', messages: 5, disposition: 'none', isDkimAligned: true, isSpfAligned: true },
        ...{ overrides: [], headerFrom: 'example.com', envelopeFrom: 'example.com' },
        dkim: [{ domain: 'example.com', selector: 'selector1', result: 'pass' }],
        spf: [{ domain: 'example.com', result: 'pass' }],
      },
      {
        ...{ sourceIp: '203.0.113.10', messages: 2, disposition: 'reject', isDkimAligned: false, isSpfAligned: false },
        ...{ overrides: ['other'], headerFrom: 'example.com', envelopeFrom: 'spoofed.example.com' },
        dkim: [],
        spf: [{ domain: 'spoofed.example.com', result: 'fail' }],
      },
    ])
  })

  it('is the same plain, by gzip, by zip and in UTF-16, whatever its name and type', async () => {
    const xml = reportXml([{ messages: 7 }])
    const plain = await readAll(xml)
    assert.equal(plain[0]?.records[0]?.messages, 7)
    assert.deepEqual(await readAll(gzipSync(xml)), plain)
    assert.deepEqual(await readAll(zipOf([{ name: 'r.xml', content: Buffer.from(xml) }])), plain)
    const utf16 = Buffer.from(`\ufeff${xml.replace('UTF-8', 'UTF-16')}`, 'utf16le')
    assert.deepEqual(await readAll(utf16), plain)
  })

  it('with a namespace prefix, and without what RFC 9990 leaves out, is read', async () => {
    const xml = reportXml([{}])
      .replace(/<(\/?)(\w)/g, '<$1d:$2')
      .replace('<d:feedback>', '<d:feedback xmlns:d="urn:ietf:params:xml:ns:dmarc-2.0">')
      .replace(/<d:(pct|sp|adkim|aspf)>.*?<\/d:\1>/g, '')
    const [report] = await readAll(xml)
    assert.deepEqual([report?.policy.percent, report?.policy.dkimAlignment], [null, 'relaxed'])
    assert.equal(report?.records.length, 1)
  })

  it('keeps the domain alone where a sender writes an address', async () => {
    const [report] = await readAll(reportXml([{ envelopeFrom: 'Ada@Bounces.Example.com' }]))
    assert.equal(report?.records[0]?.envelopeFrom, 'bounces.example.com')
    assert.doesNotMatch(JSON.stringify(report), /ada@/i)
  })

  it('without what it counts is refused, with the place', async () => {
    const without: Record<string, RegExp> = {
      report_id: /report_metadata: reportId is missing/,
      count: /record 1: messages is missing/,
      source_ip: /record 1: sourceIp must be an IP address/,
      domain: /policy_published: domain is missing/,
      begin: /report_metadata: beginsAt is missing/,
    }
    for (const [element, message] of Object.entries(without))
      await refused(reportXml([{}]).replaceAll(new RegExp(`<${element}>.*?</${element}>`, 'g'), ''), message)
    await refused(reportXml([{ messages: -1 }]), /messages must not be negative/)
    await refused(reportXml([{}]).replace('1735689600', '1'), /cover at most 100 days/)
    await refused(readFileSync(new URL('invalid/broken-xml.xml', folder)), /not well-formed XML in line 5/)
    await refused(reportXml([{}]).slice(0, -20), /not well-formed/)
  })

  it('is not looked for in what is something else', async () => {
    const others = ['', 'plain text', '<html><p>Hi<br></html>', '<!doctype html><html><p>Hi<br></html>', '\x89PNG']
    for (const other of others) assert.deepEqual(await readAll(other), [], other)
    assert.deepEqual(await readAll(zipOf([{ name: 'photo.jpg', content: Buffer.from('x') }])), [])
    assert.deepEqual(await readAll(gzipSync('plain text')), [])
  })

  it('any bytes are read or refused with a typed error', async () => {
    const valid = Buffer.from(reportXml([{}]))
    const starts = [Buffer.from('PK\x03\x04'), Buffer.from([0x1f, 0x8b]), valid, gzipSync(valid), Buffer.alloc(0)]
    const starting = fc.constantFrom(...starts)
    await fc.assert(
      fc.asyncProperty(starting, fc.nat(400), fc.uint8Array({ maxLength: 300 }), async (start, length, rest) => {
        await readAll(Buffer.concat([start.subarray(0, length), rest])).catch((error) => {
          if (!(error instanceof UnreadableReportError)) throw error
        })
      }),
      { numRuns: 150 },
    )
  })
})

describe('a file that attacks the reader', () => {
  const bytesHeld = () => process.memoryUsage().rss
  /** Refused before it fills the memory, in a time in which its end could not be reached. */
  const refusedCheaply = async (content: Buffer, message: RegExp) => {
    const [before, startedAt] = [bytesHeld(), performance.now()]
    await refused(content, message, { documentBytes: 4 * 1_048_576 })
    assert.ok(bytesHeld() - before < 48 * 1_048_576, `${bytesHeld() - before} bytes more`)
    assert.ok(performance.now() - startedAt < 3_000)
  }
  // 64 MiB of white space before the end of a report, in 64 KB.
  const bomb = () => {
    const [head, tail] = reportXml([{}]).split('</feedback>')
    return Buffer.concat([Buffer.from(`${head}`), Buffer.alloc(64 * 1_048_576, ' '), Buffer.from(`</feedback>${tail}`)])
  }
  let bombs: { gzip: Buffer; zip: Buffer; lying: Buffer }
  before(() => {
    const content = bomb()
    bombs = {
      gzip: gzipSync(content),
      zip: zipOf([{ name: 'r.xml', content }]),
      lying: zipOf([{ name: 'r.xml', content, claimedSize: 1_000 }]),
    }
  })

  it('by gzip is refused in bounded memory and time', () => refusedCheaply(bombs.gzip, /more than 4 MiB/))

  it('by zip is refused in bounded memory and time, also if it claims to be small', async () => {
    await refusedCheaply(bombs.zip, /more than 4 MiB/)
    await refusedCheaply(bombs.lying, /the zip file is damaged/)
  })

  it('by many entries is refused, also if each is small', async () => {
    const content = Buffer.from(reportXml([{}]))
    const entries = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `${at}.xml`, content }))
    assert.equal((await readAll(zipOf(entries(20)))).length, 20)
    await refused(zipOf(entries(21)), /more than 20 entries/)
    await refused(zipOf(entries(20)), /more than/, { documentBytes: content.length * 19 })
  })

  it('by a document type is refused: nothing is expanded and nothing is loaded', async () => {
    const withType = (type: string, organization: string) =>
      reportXml([{}])
        .replace('<feedback>', `<!DOCTYPE feedback [${type}]><feedback>`)
        .replace('Example Receiver', organization)
    await refused(withType('<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">', '&b;'), /document type/)
    await refused(withType('<!ENTITY x SYSTEM "file:///etc/passwd">', '&x;'), /document type/)
    await refused(reportXml([{}]).replace('Example Receiver', '&x;'), /not well-formed/)
  })

  it('by depth, elements, records or long values is refused', async () => {
    const inside = (text: string) => reportXml([{}]).replace('Example Receiver', text)
    await refused(inside('<a>'.repeat(20)), /more than 12 levels/)
    await refused(inside('<a/>'.repeat(1_001)), /more than 1000 elements besides its records/)
    await refused(inside('x'.repeat(5_000)), /more than 4096 characters/)
    const crowded: RecordFields = { more: '<a/>'.repeat(1_001) }
    await refused(reportXml([{}, crowded]), /record 2 has more than 1000 elements/)
    await refused(reportXml([{}, {}, {}]), /more than 2 records/, { records: 2 })
  })
})
