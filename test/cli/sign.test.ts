import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { runCommandLine } from '../../src/cli/program.ts'
import { builtProgram } from '../stack.ts'

describe('npm run sign', function () {
  this.timeout(60_000)
  const dir = mkdtempSync(join(tmpdir(), 'aftersend-sign-'))
  let program: string
  before(async () => {
    program = await builtProgram('cli/main.ts')
  })
  after(() => rmSync(dir, { recursive: true }))

  // Decoding as UTF-8, or dropping line ends, would change these bytes.
  const body = Buffer.concat([Buffer.from('{"subject":"it\'s grüße"}\r\n'), Buffer.from([0xff, 0x0a])])
  const file = join(dir, "an event's file.json")
  const signature = (bytes: Buffer | string) => createHmac('sha256', 's3cret').update(bytes).digest('hex')
  writeFileSync(file, body)

  const signAsProgram = (args: string[], input: Buffer | string = '') =>
    spawnSync(process.execPath, [program, 'sign', ...args], {
      input,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], DATA_DIR: dir },
    })

  /** In this process, since a start of the program takes seconds of CPU. */
  async function sign(args: string[], input = '') {
    const [output, printed] = [new PassThrough(), [] as string[]]
    const { signal } = new AbortController()
    const stdin = Readable.from([Buffer.from(input)])
    const print = (line: string) => void printed.push(`${line}\n`)
    let stderr = ''
    const context = { env: { DATA_DIR: dir }, print, output, progress: process.stderr, stdin, signal }
    const status = await runCommandLine(['sign', ...args], context, (why) => {
      stderr += why
    })
    output.end()
    return { status, stdout: printed.join('') + (await textOf(output)), stderr }
  }

  it('prints the signature of the exact bytes of a file', () => {
    assert.equal(signAsProgram([file, '--secret', 's3cret']).stdout, `${signature(body)}\n`)
  })

  it('uses the secret that npm start generated, and reads standard input', () => {
    writeFileSync(join(dir, 'credentials.json'), JSON.stringify({ webhookSecret: 's3cret', apiKey: 'k' }))
    assert.equal(signAsProgram(['-'], body).stdout, `${signature(body)}\n`)
  })

  it('prints a curl command that a shell parses back to the same bytes', async () => {
    const text = `{"subject":"it's grüße $HOME \`id\`"}\n`
    const { stdout } = await sign(['-', '--curl', '--secret', 's3cret', '--url', 'http://127.0.0.1:3000'], text)
    const argsOf = (command: string) =>
      spawnSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }\n${command}`], { encoding: 'utf8' }).stdout.split('\0')
    const inline = argsOf(stdout)
    assert.ok(inline.includes('http://127.0.0.1:3000/webhooks/aisend') && inline.includes(text))
    assert.ok(inline.includes(`x-webhook-signature: ${signature(text)}`))
    const ofFile = await sign([file, '--curl', '--secret', 's3cret', '--url', 'http://127.0.0.1:3000'])
    assert.ok(argsOf(ofFile.stdout).includes(`@${file}`))
  })

  it('prints all headers of a provider with several, and the complete request of one that wraps the event', async () => {
    const event = join(dir, 'event.json')
    writeFileSync(event, '{"type":"email.sent"}')
    const secret = `whsec_${Buffer.from('a secret of more than 24 bytes').toString('base64')}`
    const { stdout } = await sign([event, '--provider', 'resend', '--secret', secret])
    assert.match(stdout, /^svix-id: msg_\w+\nsvix-timestamp: \d+\nsvix-signature: v1,\S+\n$/)
    const mailgun = ['--provider', 'mailgun', '--secret', 'key', '--url', 'http://127.0.0.1:3000']
    const { url, body: wrapped } = JSON.parse((await sign([event, '--json', ...mailgun])).stdout)
    assert.equal(url, 'http://127.0.0.1:3000/webhooks/mailgun')
    assert.deepEqual(JSON.parse(wrapped)['event-data'], { type: 'email.sent' })
    assert.match((await sign([event, '--curl', ...mailgun])).stdout, /--data-binary '\{"signature":/)
  })

  it('ends with 2 and says what to do without a file or a secret', async () => {
    rmSync(join(dir, 'credentials.json'), { force: true })
    const cases: [string[], RegExp][] = [
      [[], /missing required argument 'file'/],
      [[join(dir, 'nothing')], /cannot be read/],
      [[file], /--secret/],
      [[file, '--sekret', 'x'], /sekret/],
    ]
    for (const [args, why] of cases) {
      const { status, stderr, stdout } = await sign(args)
      assert.deepEqual([status, stdout], [2, ''])
      assert.match(stderr, why)
    }
    assert.equal(signAsProgram([file]).status, 2)
  })
})
