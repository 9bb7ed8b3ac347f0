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
import { apiKey, useApi } from '../api/served.ts'
import { apply, store } from '../db/stored.ts'
import { type ApiStandIn, startApiStandIn } from '../providers/api-stand-in.ts'
import { temporaryFolder, useDatabase } from '../stack.ts'

interface Ended {
  readonly code: number
  /** Standard output. */
  readonly out: string
  readonly failure: string
}

describe('aftersend', () => {
  const { db } = useDatabase('emails, events, suppressions')
  const served = useApi(() => ({ db }))
  let folder: string

  before(async () => {
    folder = await temporaryFolder()
  })

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
  const delivered = (id = 'em_1') => store(db, { emailId: id, id: `${id}/1`, type: 'delivered' })

  describe('ends', () => {
    it('with 0 for help and version, on standard output', async () => {
      for (const args of [['--help'], ['status', '--help'], ['suppressions', 'import', '--help'], ['--version']]) {
        const { code, out } = await run(args)
        assert.equal(code, 0)
        assert.match(out, /Usage: aftersend|^\d+\.\d+\.\d+$/)
      }
    })

    it('with 2 and a message on what to do when the arguments are wrong', async () => {
      const cases: [string[], RegExp][] = [
        [[], /aftersend --help/],
        [['sugn'], /unknown command 'sugn'[\s\S]*Did you mean sign/],
        [['status'], /missing required argument 'id'[\s\S]*aftersend status --help/],
        [['status', 'em_1', '--sekret'], /unknown option/],
        [['suppressions', 'frobnicate'], /unknown command/],
        [['status', 'em_1'], /start it with npx aftersend up, or set --url/],
        [['replay'], /--quarantined/],
        [['replay', 'evt_1', ...atServed()], /provider\/ID/],
        [['doctor', '--public-url', 'mail.example.com'], /--public-url must be/],
        [['webhooks', 'list'], /AISEND_API_KEY or RESEND_API_KEY/],
      ]
      for (const [args, why] of cases) {
        const { code, out, failure } = await run(args)
        assert.deepEqual([code, out], [2, ''], args.join(' '))
        assert.match(failure, why)
      }
    })

    it('with 2 when the key is refused or the API does not answer', async () => {
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

    it('runs the sources of a checkout from any folder, and returns the exit code', () => {
      const { status, stdout } = start(program, '--version')
      assert.deepEqual([status, /^\d+\.\d+\.\d+\n$/.test(stdout)], [0, true])
      assert.equal(start(program, 'sugn').status, 2)
    })

    it('runs the build if there are no sources', () => {
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
    it('prints an email as text, or as JSON', async () => {
      await delivered()
      const { code, out } = await run(['status', 'em_1', ...atServed()])
      assert.equal(code, 0)
      assert.match(out, /^em_1 {2}DELIVERED\n[\s\S]*└─ delivered/)
      const json = await run(['status', 'em_1', '--json', ...atServed()])
      assert.equal(JSON.parse(json.out).status, 'delivered')
    })

    it('ends with 1 for an unknown email', async () => {
      const { code, out } = await run(['status', 'nobody', ...atServed()])
      assert.deepEqual([code, out], [1, 'Email nobody is unknown.'])
      assert.deepEqual(await run(['status', 'nobody', '--json', ...atServed()]), { code: 1, out: 'null', failure: '' })
    })
  })

  describe('tail', () => {
    it('prints one line for each change until it is stopped', async () => {
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
      assert.equal(standIn.requests[0]?.url, '/v1/stream?status=delivered')
      standIn.close()
    })
  })

  describe('suppressions', () => {
    it('check ends with 1 if any address is suppressed', async () => {
      await addManualSuppression(db, 'default', 'ada@example.com')
      const allowed = await run(['suppressions', 'check', 'eve@example.com', ...atServed()])
      assert.deepEqual([allowed.code, allowed.out], [0, 'allowed     eve@example.com'])
      const { code, out } = await run(['suppressions', 'check', 'eve@example.com', 'Ada@example.com', ...atServed()])
      assert.equal(code, 1)
      assert.match(out, /suppressed {2}ada@example\.com {2}manual since 2/)
    })

    it('import reads a file or standard input, changes nothing with --dry-run, and names invalid lines', async () => {
      const file = join(folder, 'list.jsonl')
      writeFileSync(file, '{"address":"ada@example.com","reason":"complaint"}\n{"address":"x"}\n')
      const preview = await run(['suppressions', 'import', '--dry-run', file, ...atServed()])
      assert.match(preview.out, /^1 would be added, 0 already suppressed, 0 skipped, 1 invalid\n {2}line 2: /)
      assert.equal(await db.suppression.count(), 0)
      assert.equal((await run(['suppressions', 'import', file, ...atServed()])).code, 1)
      const csv = await run(['suppressions', 'import', '-', '--json', ...atServed()], {
        stdin: 'address\neve@example.com\n',
      })
      assert.equal(csv.code, 0)
      assert.deepEqual(JSON.parse(csv.out).added, 1)
      const rows = await db.suppression.findMany({ orderBy: { address: 'asc' } })
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

    it('export writes the list to a file, or to standard output', async () => {
      await addManualSuppression(db, 'default', 'ada@example.com')
      const { out } = await run(['suppressions', 'export', ...atServed()])
      assert.match(out, /^address,[\s\S]*\nada@example\.com,manual,/)
      const file = join(folder, 'out.csv')
      assert.equal((await run(['suppressions', 'export', file, ...atServed()])).out, `Written to ${file}.`)
      assert.equal(readFileSync(file, 'utf8').trim(), out.trim())
    })
  })

  describe('keys', () => {
    it('creates a key, lists and revokes it', async () => {
      const { out: key } = await run(['keys', 'create', 'shop', '--scope', 'read', 'send', ...atServed()])
      assert.match(key, /^as_[\w-]{32}$/)
      const withKey = { headers: { authorization: `Bearer ${key}` } }
      assert.equal((await fetch(`${served.url}/v1/emails`, withKey)).status, 200)
      const [listed] = JSON.parse((await run(['keys', 'list', '--json', ...atServed()])).out) as { id: string }[]
      assert.match((await run(['keys', ...atServed()])).out, /shop +default +read send +\d{4}-\d\d-\d\d/)
      const id = listed?.id ?? ''
      assert.deepEqual(await run(['keys', 'revoke', id, ...atServed()]), {
        code: 0,
        out: `${id} is revoked.`,
        failure: '',
      })
      assert.match((await run(['keys', ...atServed()])).out, /revoked$/)
      assert.equal((await run(['keys', 'revoke', 'none', ...atServed()])).code, 1)
    })

    it('says which scopes there are', async () => {
      const { code, failure } = await run(['keys', 'create', 'shop', '--scope', 'write', ...atServed()])
      assert.equal(code, 2)
      assert.match(failure, /read, send, suppress, escalate, operate, endpoints, erase, admin/)
    })
  })

  describe('bounces rejudge', () => {
    const suppressed = async () =>
      (await db.suppression.findMany({ where: { removedAt: null } })).map(({ address }) => address)

    beforeEach(async () => {
      const message = '550 5.7.26 Unauthenticated email is not accepted'
      await store(db, { id: 'b', type: 'bounced', bounce: { class: 'hard', code: '5.7.26', message } })
      await apply(db, 'b')
      await db.suppression.create({
        data: { address: 'ada@example.com', reason: 'hard_bounce', provider: 'aisend', emailId: 'em_1', eventId: 'b' },
      })
    })

    it('prints a table of whom it releases or suppresses, and changes nothing with --dry-run', async () => {
      const preview = await run(['bounces', 'rejudge', '--dry-run', ...atServed()])
      assert.equal(preview.code, 0)
      assert.match(
        preview.out,
        /^address +suppression +reason +rule\nada@example\.com {2}suppressed → allowed {2}authentication +\S+\n/,
      )
      assert.match(preview.out, /0 addresses would be suppressed, 1 released\.$/)
      assert.deepEqual(await suppressed(), ['ada@example.com'])
      const { out } = await run(['bounces', 'rejudge', ...atServed()])
      assert.match(out, /suppressed → allowed[\s\S]* 1 released\.$/)
      assert.deepEqual(await suppressed(), [])
      assert.match((await run(['bounces', 'rejudge', ...atServed()])).out, /^1 bounce judged [\s\S]* 0 released\.$/)
    })

    it('judges only bounces since a duration or a time, and prints JSON', async () => {
      const json = async (...args: string[]) =>
        JSON.parse((await run(['bounces', 'rejudge', '--dry-run', '--json', ...args, ...atServed()])).out)
      assert.equal((await json('--since', '30d')).judged, 1)
      assert.equal((await json('--since', '2099-01-01')).judged, 0)
      const { code, failure } = await run(['bounces', 'rejudge', '--since', 'yesterday', ...atServed()])
      assert.deepEqual([code, failure.startsWith('--since must be')], [2, true])
    })
  })

  describe('replay', () => {
    it('replays quarantined events, by ID or by filter, and prints how many', async () => {
      await store(db, { id: 'a/1', type: 'sent' }, { id: 'a/2', type: 'opened' })
      await quarantineEvents(db, 'aisend', ['a/1', 'a/2'], 'tests')
      const quarantined = () => db.event.count({ where: { quarantinedReason: { not: null } } })
      const named = await run(['replay', 'aisend/a/1', 'aisend/nothing', ...atServed()])
      assert.deepEqual([named.code, named.out, await quarantined()], [1, '1 replayed, 1 not found', 1])
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

    it('register sets one up at the provider, and prints its secret and the variable for it', async () => {
      resend.answerWith(201, { object: 'webhook', id: 'wh_1', signing_secret: 'whsec_abc' })
      const { code, out } = await run(['webhooks', 'register', 'https://mail.example.com'], { env: env() })
      assert.equal(code, 0)
      assert.match(out, /Put its secret into RESEND_WEBHOOK_SECRET.*whsec_abc$/)
      assert.equal(
        (resend.requests[0]?.body as { endpoint?: string } | null)?.endpoint,
        'https://mail.example.com/webhooks/resend',
      )
    })

    it('list prints the webhooks, and names a refused key', async () => {
      resend.answerWith(200, { data: [{ id: 'wh_1', endpoint: 'https://a.example/hook', events: ['email.sent'] }] })
      const { out } = await run(['webhooks', 'list', '--json'], { env: env() })
      assert.deepEqual(JSON.parse(out).webhooks, [
        { id: 'wh_1', url: 'https://a.example/hook', events: ['email.sent'] },
      ])
      resend.answerWith(401, {})
      const refused = await run(['webhooks', 'list'], { env: env() })
      assert.deepEqual([refused.code, /RESEND_API_KEY/.test(refused.failure)], [2, true])
    })
  })

  it('prints one JSON document and nothing else with --json, whatever the command', async () => {
    await delivered()
    for (const args of [
      ['status', 'em_1'],
      ['suppressions', 'check', 'ada@example.com'],
      ['replay', '--quarantined'],
      ['bounces', 'rejudge'],
    ]) {
      const { out } = await run([...args, '--json', ...atServed()])
      assert.doesNotThrow(() => JSON.parse(out), args.join(' '))
    }
  })
})
