import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { runCommandLine } from '../../src/cli/program.ts'
import { apiKey, useApi } from '../api/served.ts'
import { reportXml } from '../domains/report-xml.ts'
import { useDatabase } from '../stack.ts'

describe('aftersend domains', () => {
  const { db } = useDatabase('dmarc_reports')
  const texts: Record<string, string[]> = {}
  const served = useApi(() => ({ db, dns: { recordsOf: async (name) => texts[name] ?? [] } }))
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aftersend-domains-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function run(...args: readonly string[]) {
    const lines: string[] = []
    let failure = ''
    const context = {
      ...{ env: {}, signal: new AbortController().signal, stdin: Readable.from([]) },
      ...{ output: new PassThrough(), progress: new PassThrough() as never },
      print: (line: string) => void lines.push(line),
    }
    const all = ['domains', ...args, '--url', served.url, '--key', apiKey]
    const code = await runCommandLine(all, context, (why) => (failure += why))
    return { code, out: lines.join('\n'), failure }
  }

  it('imports the reports of a folder, reads the others where one is damaged, and exits with 1 then', async () => {
    const begin = Math.floor(Date.now() / 1_000) - 86_400
    await writeFile(join(folder, 'a.xml'), reportXml([{ messages: 3 }], { begin }))
    await writeFile(join(folder, 'b.xml.gz'), gzipSync(reportXml([{ messages: 4 }], { begin, reportId: 'r2' })))
    await writeFile(join(folder, 'notes.txt'), 'no report')
    assert.deepEqual(await run('import', folder), {
      code: 0,
      out: '2 stored, 0 stored before, 0 not read',
      failure: '',
    })
    await writeFile(join(folder, 'c.xml'), '<feedback>')
    const again = await run('import', folder)
    assert.equal(again.code, 1)
    assert.match(again.out, /c\.xml: the report cannot be read: .*\n0 stored, 2 stored before, 1 not read/)
    assert.equal(Number((await db.dmarcRecord.aggregate({ _sum: { messages: true } }))._sum.messages), 7)
    assert.match((await run('import', join(folder, 'none.xml'))).failure, /none\.xml cannot be read/)
  })

  it('checks a domain, and exits with 1 for an error', async () => {
    const bad = await run('check', 'example.com')
    assert.equal(bad.code, 1)
    assert.match(bad.out, /^example\.com: no reports in 30 days\nerror {4}There is no DMARC record/)
    assert.match(bad.out, /_dmarc\.example\.com TXT "v=DMARC1; p=none; rua=mailto:dmarc@example\.com"/)
    texts['_dmarc.example.com'] = ['v=DMARC1; p=reject; rua=mailto:dmarc@example.com']
    texts['example.com'] = ['v=spf1 -all']
    assert.deepEqual(await run('check', 'example.com'), {
      ...{ code: 0, out: 'example.com: no reports in 30 days\nNothing to change.', failure: '' },
    })
  })
})
