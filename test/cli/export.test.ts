import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from '../../src/cli/program.ts'
import { type Column, emailColumns, eventColumns } from '../../src/exports/columns.ts'
import { fill, hoursAgo, query, writeObjects } from '../exports/exported.ts'
import { temporaryFolder, useDatabase } from '../stack.ts'
import { type S3StandIn, startS3StandIn } from '../stand-ins/s3.ts'
import { until } from '../until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}docs/data-export.md`, 'utf8')

describe('aftersend export', () => {
  const database = useDatabase()
  let folder: string
  let s3: S3StandIn
  before(async () => {
    await fill(database.db, 100)
    folder = await temporaryFolder()
  })
  beforeEach(async () => {
    s3 = await startS3StandIn()
  })
  afterEach(() => s3.close())

  const env = () => ({
    DATA_DIR: folder,
    DATABASE_URL: database.url,
    EXPORT_HASH_KEY: 'hash-key-of-the-tests-0000000000001',
    S3_ACCESS_KEY_ID: s3.credentials.keyId,
    S3_SECRET_ACCESS_KEY: s3.credentials.secret,
    S3_REGION: s3.credentials.region,
    S3_ENDPOINT: s3.endpoint,
  })

  async function run(args: readonly string[], more: Record<string, string> = {}) {
    const printed: string[] = []
    let failure = ''
    const context = {
      env: { ...env(), ...more },
      print: (text: string) => printed.push(text),
      output: new PassThrough(),
      progress: Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream,
      stdin: new PassThrough(),
      signal: new AbortController().signal,
    }
    const code = await runCommandLine(['export', ...args], context, (message) => {
      failure = message
    })
    return { code, text: printed.join('\n'), failure, exported: () => JSON.parse(printed.join('')) }
  }

  const stored = async () => {
    const [row] = await database.db.$queryRaw<{ events: number; emails: number }[]>`
      SELECT (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM emails) AS emails`
    return row
  }
  const counts = (from: string) =>
    query(
      from,
      `SELECT (SELECT count(*)::INT FROM 'exported/events/**/*.parquet') AS events,
              (SELECT count(*)::INT FROM 'exported/emails/**/*.parquet') AS emails`,
    )

  it('writes all hours into a folder, and goes on where it ended', async () => {
    const to = ['--to', `${folder}/all`]
    const { exported, code } = await run([...to, '--json'])
    assert.equal(code, 0)
    assert.deepEqual([exported().events.hours, exported().emails.hours, exported().events.skipped], [2, 2, 0])
    assert.deepEqual(await counts(`${folder}/all`), [await stored()])
    assert.match((await run(to)).text, /^events: 0 in 0 hours, 2 hours were there$/m)
    assert.match(
      (await run([...to, '--format', 'ndjson', '--dataset', 'events'])).text,
      /in 2 hours, 0 hours were there$/m,
    )
    assert.match((await run([...to, '--again', '--dataset', 'events'])).text, /in 2 hours, 0 hours were there$/m)
  })

  it('writes the whole hours of a range', async () => {
    const [since, until] = [hoursAgo(4) + 60_000, hoursAgo(2)].map((at) => new Date(at).toISOString())
    const args = ['--since', String(since), '--until', String(until), '--json']
    const { exported } = await run(['--to', `${folder}/range`, ...args])
    assert.deepEqual([exported().events.hours, exported().emails.hours], [1, 1])
  })

  it('loses and repeats nothing when it is killed', async () => {
    s3.setFaults({ slowMs: 150 })
    const child = spawn(process.execPath, [`${root}bin/aftersend.mjs`, 'export', '--to', `s3://${s3.bucket}`], {
      env: { PATH: process.env['PATH'] ?? '', ...env() },
      stdio: 'ignore',
    })
    const puts = () => s3.requests.filter(({ method }) => method === 'PUT').length
    await until(() => puts() >= 3 || child.exitCode !== null)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.ok(puts() < 8, 'it was too late to kill it')
    s3.setFaults({})
    const { exported } = await run(['--to', `s3://${s3.bucket}`, '--json'])
    assert.equal(exported().events.skipped + exported().events.hours, 2)
    assert.ok(exported().events.skipped > 0)
    await writeObjects(s3.objects, `${folder}/killed`)
    assert.deepEqual(await counts(`${folder}/killed`), [await stored()])
  })

  it('says what is missing', async () => {
    assert.match((await run(['--to', 's3://exported'], { S3_ACCESS_KEY_ID: '' })).failure, /S3_ACCESS_KEY_ID/)
    assert.match((await run(['--to', 'gs://exported'])).failure, /--to must be a folder/)
    assert.match((await run(['--to', folder], { EXPORT_HASH_KEY: '' })).failure, /EXPORT_HASH_KEY is not set/)
    assert.match((await run(['--to', `${root}package.json`])).failure, /cannot be written \(E/)
  })

  it('has a page whose examples run', async () => {
    const examples = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql = '']) => sql)
    assert.equal(examples.length, 5)
    const rows = await Promise.all(examples.map((sql) => query(`${folder}/all`, sql)))
    assert.deepEqual(
      rows.map((found) => found.length > 0),
      [true, false, true, true, false],
    )
  })

  it('has a page that lists the columns, as DuckDB sees them', async () => {
    const names = (columns: readonly Column[]) => columns.map(({ name }) => name)
    const documented = (heading: string) =>
      [...(page.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '').matchAll(/^\| `(\w+)` \| (\S+) \|/gm)].map(
        ([, name, type]) => ({ name, type }),
      )
    const columns = { events: eventColumns, emails: emailColumns(true) }
    for (const [name, list] of Object.entries(columns)) {
      const rows = documented(name)
      assert.deepEqual(
        rows.map((row) => row.name),
        names(list),
      )
      const seen = await query(`${folder}/all`, `DESCRIBE SELECT * FROM 'exported/${name}/**/*.parquet'`)
      const typeOf = (column: string | undefined) =>
        String(seen.find((row) => row['column_name'] === column)?.['column_type']).replace(/\(.*\)/, '')
      assert.deepEqual(
        rows.map((row) => row.type),
        rows.map((row) => typeOf(row.name)),
      )
    }
    const recipients = emailColumns(true).find(({ name }) => name === 'recipients')?.type as readonly Column[]
    assert.deepEqual(
      documented('emails: recipients').map((row) => row.name),
      names(recipients),
    )
  })
})
