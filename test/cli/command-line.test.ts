import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from '../../src/cli/program.ts'
import { quarantineEvents } from '../../src/db/events.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { apiKey, type Served, serve } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { type ApiStandIn, startApiStandIn } from '../providers/api-stand-in.ts'
import { type TestDatabase, temporaryFolder, testDatabase } from '../stack.ts'

interface Ended {
  readonly code: number
  /** What was printed, a line each. */
  readonly out: string
  readonly failure: string
}

describe('aftersend', () => {
  let database: TestDatabase
  let served: Served
  let folder: string

  before(async () => {
    database = await testDatabase()
    folder = await temporaryFolder()
  })
  after(() => database.drop())
  beforeEach(async () => {
    await database.db.$executeRaw`TRUNCATE emails, events, suppressions CASCADE`
    served = await serve({ db: database.db })
  })
  afterEach(() => served.stop())

  interface Surroundings {
    readonly env?: Record<string, string>
    readonly stdin?: string
    readonly signal?: AbortSignal
    readonly onPrint?: (line: string) => void
  }

  async function run(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
    const { env = {}, stdin = '', signal = new AbortController().signal, onPrint = () => {} } = surroundings
    const output = new PassThrough()
    const printed: string[] = []
    const print = (line: string) => {
      printed.push(line)
      onPrint(line)
    }
    let failure = ''
    const context = {
      env: { DATA_DIR: folder, ...env },
      print,
      output,
      progress: process.stderr,
      stdin: Readable.from([stdin]),
      signal,
    }
    const code = await runCommandLine(args, context, (why) => (failure += why))
    output.end()
    return { code, out: [...printed, await text(output)].filter(Boolean).join('\n'), failure }
  }

  const atServed = () => ['--url', served.url, '--key', apiKey]
  const delivered = (id = 'em_1') => store(database.db, { emailId: id, id: `${id}/1`, type: 'delivered' })

  describe('ends', () => {
    it('with 0 for help and version, on the output', async () => {
      for (const args of [['--help'], ['status', '--help'], ['suppressions', 'import', '--help'], ['--version']]) {
        const { code, out } = await run(args)
        assert.equal(code, 0)
        assert.match(out, /Usage: aftersend|^\d+\.\d+\.\d+$/)
      }
    })

    it('with 2 and a word on what to do when it cannot be carried out as written', async () => {
      const cases: [string[], RegExp][] = [
        [[], /aftersend --help/],
        [['sugn'], /unknown command 'sugn'[\s\S]*Did you mean sign/],
        [['status'], /missing required argument 'id'[\s\S]*aftersend status --help/],
        [['status', 'em_1', '--sekret'], /unknown option/],
        [['suppressions', 'frobnicate'], /unknown command/],
        [['status', 'em_1'], /npm start it, or say --url/],
        [['replay'], /--quarantined/],
        [['replay', 'evt_1', ...atServed()], /provider\/ID/],
        [['doctor', '--public-url', 'mail.example.com'], /--public-url wants/],
        [['webhooks', 'list'], /AISEND_API_KEY or RESEND_API_KEY/],
      ]
      for (const [args, why] of cases) {
        const { code, out, failure } = await run(args)
        assert.deepEqual([code, out], [2, ''], args.join(' '))
        assert.match(failure, why)
      }
    })

    it('with 2 when the key is refused or nobody answers', async () => {
      const refused = await run(['status', 'em_1', '--url', served.url, '--key', 'a-wrong-key-of-the-tests'])
      assert.equal(refused.code, 2)
      assert.match(refused.failure, /401/)
      await served.stop()
      const { code, failure } = await run(['suppressions', 'export', ...atServed()])
      assert.equal(code, 2)
      assert.match(failure, /does not answer/)
    })
  })

  describe('as a program', () => {
    const program = fileURLToPath(new URL('../../bin/aftersend.mjs', import.meta.url))
    const start = (path: string, ...args: string[]) =>
      spawnSync(process.execPath, [path, ...args], { cwd: folder, encoding: 'utf8' })

    it('runs the sources of a checkout from any folder, and ends with the code of its command', () => {
      const { status, stdout } = start(program, '--version')
      assert.deepEqual([status, /^\d+\.\d+\.\d+\n$/.test(stdout)], [0, true])
      assert.equal(start(program, 'sugn').status, 2)
    })

    it('runs what was built where there are no sources', () => {
      const built = join(folder, 'built')
      mkdirSync(join(built, 'bin'), { recursive: true })
      mkdirSync(join(built, 'dist/cli'), { recursive: true })
      copyFileSync(program, join(built, 'bin/aftersend.mjs'))
      writeFileSync(join(built, 'package.json'), '{"type":"module"}')
      writeFileSync(join(built, 'dist/cli/main.js'), 'console.log("built", process.argv[2])')
      assert.equal(start(join(built, 'bin/aftersend.mjs'), 'doctor').stdout, 'built doctor\n')
    })
  })

  describe('status', () => {
    it('draws the life of an email, or answers as the API does', async () => {
      await delivered()
      const { code, out } = await run(['status', 'em_1', ...atServed()])
      assert.equal(code, 0)
      assert.match(out, /^em_1 {2}DELIVERED\n[\s\S]*└─ delivered/)
      const json = await run(['status', 'em_1', '--json', ...atServed()])
      assert.equal(JSON.parse(json.out).status, 'delivered')
    })

    it('ends with 1 for an email that nobody has spoken of', async () => {
      const { code, out } = await run(['status', 'nobody', ...atServed()])
      assert.deepEqual([code, out], [1, 'Nothing was heard of an email nobody.'])
      assert.deepEqual(await run(['status', 'nobody', '--json', ...atServed()]), { code: 1, out: 'null', failure: '' })
    })
  })

  describe('tail', () => {
    it('tells each change on a line until it is stopped, and says what it passes over', async () => {
      const standIn = await startApiStandIn()
      const change = { id: 'em_1', status: 'delivered', priority: 'normal', updatedAt: '2026-11-25T08:00:00.000Z' }
      standIn.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(`id: 1\nevent: email\ndata: ${JSON.stringify({ ...change, to: 'ada@example.com' })}\n\n`)
      }
      const stop = new AbortController()
      const args = ['tail', '--status', 'delivered', '--url', standIn.apiUrl, '--key', apiKey]
      const { code, out } = await run(args, { signal: stop.signal, onPrint: () => stop.abort() })
      assert.deepEqual([code, out], [0, '08:00:00.000  delivered   normal    em_1  ada@example.com'])
      assert.equal(standIn.asked[0]?.url, '/v1/stream?status=delivered')
      standIn.close()
    })
  })

  describe('suppressions', () => {
    it('check ends with 1 if any address may not be written to', async () => {
      await addManualSuppression(database.db, 'ada@example.com')
      const free = await run(['suppressions', 'check', 'eve@example.com', ...atServed()])
      assert.deepEqual([free.code, free.out], [0, 'free        eve@example.com'])
      const { code, out } = await run(['suppressions', 'check', 'eve@example.com', 'Ada@example.com', ...atServed()])
      assert.equal(code, 1)
      assert.match(out, /suppressed {2}ada@example\.com {2}manual since 2/)
    })

    it('import takes a file or standard input, looks only when it is told to, and names lines that it did not understand', async () => {
      const file = join(folder, 'list.jsonl')
      writeFileSync(file, '{"address":"ada@example.com","reason":"complaint"}\n{"address":"x"}\n')
      const preview = await run(['suppressions', 'import', '--dry-run', file, ...atServed()])
      assert.match(preview.out, /^1 would be added, 0 known, 1 not understood\n {2}line 2: /)
      assert.equal(await database.db.suppression.count(), 0)
      assert.equal((await run(['suppressions', 'import', file, ...atServed()])).code, 1)
      const csv = await run(['suppressions', 'import', '-', '--json', ...atServed()], {
        stdin: 'address\neve@example.com\n',
      })
      assert.equal(csv.code, 0)
      assert.deepEqual(JSON.parse(csv.out).added, 1)
      const rows = await database.db.suppression.findMany({ orderBy: { address: 'asc' } })
      assert.deepEqual(
        rows.map(({ address, reason }) => [address, reason]),
        [
          ['ada@example.com', 'complaint'],
          ['eve@example.com', 'manual'],
        ],
      )
      assert.match(
        (await run(['suppressions', 'import', join(folder, 'none.csv'), ...atServed()])).failure,
        /cannot be read/,
      )
    })

    it('export writes the list to a file, or to the output', async () => {
      await addManualSuppression(database.db, 'ada@example.com')
      const { out } = await run(['suppressions', 'export', ...atServed()])
      assert.match(out, /^address,[\s\S]*\nada@example\.com,manual,/)
      const file = join(folder, 'out.csv')
      assert.equal((await run(['suppressions', 'export', file, ...atServed()])).out, `Written to ${file}.`)
      assert.equal(readFileSync(file, 'utf8').trim(), out.trim())
    })
  })

  describe('replay', () => {
    it('has quarantined events tried again, by name or all of a kind, and says how many', async () => {
      await store(database.db, { id: 'a/1', type: 'sent' }, { id: 'a/2', type: 'opened' })
      await quarantineEvents(database.db, 'aisend', ['a/1', 'a/2'], 'tests')
      const quarantined = () => database.db.event.count({ where: { quarantinedReason: { not: null } } })
      const named = await run(['replay', 'aisend/a/1', 'aisend/nothing', ...atServed()])
      assert.deepEqual([named.code, named.out, await quarantined()], [1, '1 tried again, 1 not there', 1])
      const rest = await run(['replay', '--quarantined', '--type', 'opened', '--json', ...atServed()])
      assert.deepEqual([rest.code, JSON.parse(rest.out).replayed, await quarantined()], [0, 1, 0])
    })
  })

  describe('webhooks', () => {
    let resend: ApiStandIn
    beforeEach(async () => {
      resend = await startApiStandIn()
    })
    afterEach(() => resend.close())
    const env = () => ({ RESEND_API_KEY: 're_123', RESEND_API_URL: resend.apiUrl })

    it('register sets one up at the provider and says where its secret belongs', async () => {
      resend.says(201, { object: 'webhook', id: 'wh_1', signing_secret: 'whsec_abc' })
      const { code, out } = await run(['webhooks', 'register', 'https://mail.example.com'], { env: env() })
      assert.equal(code, 0)
      assert.match(out, /Put its secret into RESEND_WEBHOOK_SECRET.*whsec_abc$/)
      assert.equal(
        (resend.asked[0]?.body as { endpoint?: string } | null)?.endpoint,
        'https://mail.example.com/webhooks/resend',
      )
    })

    it('list tells of those that are there, and a refused key is named', async () => {
      resend.says(200, { data: [{ id: 'wh_1', endpoint: 'https://a.example/hook', events: ['email.sent'] }] })
      const { out } = await run(['webhooks', 'list', '--json'], { env: env() })
      assert.deepEqual(JSON.parse(out).webhooks, [
        { id: 'wh_1', url: 'https://a.example/hook', events: ['email.sent'] },
      ])
      resend.says(401, {})
      const refused = await run(['webhooks', 'list'], { env: env() })
      assert.deepEqual([refused.code, /RESEND_API_KEY/.test(refused.failure)], [2, true])
    })
  })

  it('gives the same for every command that knows --json: one document and nothing else', async () => {
    await delivered()
    for (const args of [
      ['status', 'em_1'],
      ['suppressions', 'check', 'ada@example.com'],
      ['replay', '--quarantined'],
    ]) {
      const { out } = await run([...args, '--json', ...atServed()])
      assert.doesNotThrow(() => JSON.parse(out), args.join(' '))
    }
  })
})
