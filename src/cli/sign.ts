/** `npm run sign`: the signature that AISend would send for a file's exact bytes. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { ConfigurationError } from '../errors.ts'
import { signAisend } from '../providers/aisend.ts'
import { findApiUrl, findWebhookSecret } from './target.ts'

const usage = `Prints the x-webhook-signature of a webhook's body, for curl.

  npm run sign -- event.json             the signature; - reads standard input
  npm run sign -- event.json --curl      a whole curl command

  --secret S   the webhook secret (default: AISEND_WEBHOOK_SECRET, else the one in DATA_DIR)
  --url URL    for --curl: where Aftersend listens (default: the one running in DATA_DIR, or PORT)`

class UsageError extends Error {
  override name = 'UsageError'
}

function parseOptions(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const options = { secret: text, url: text, curl: flag, help: { ...flag, short: 'h' } }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function run(args: readonly string[]): Promise<string> {
  const { values, positionals } = parseOptions(args)
  if (values.help) return usage
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new UsageError('Say one file, or - for standard input.')
  const body = await readBody(path)
  const signature = signAisend(body, await findWebhookSecret(values.secret, process.env))
  return values.curl ? curlCommand(await findApiUrl(values.url, process.env), signature, path, body) : signature
}

async function readBody(path: string): Promise<Buffer> {
  if (path === '-') return buffer(process.stdin)
  try {
    return await readFile(path)
  } catch (cause) {
    throw new UsageError(`${path} cannot be read.`, { cause })
  }
}

/** `--data-binary`, since `--data` would drop line ends and so break the signature. */
function curlCommand(apiUrl: string, signature: string, path: string, body: Buffer): string {
  const data = path === '-' ? inline(body) : `@${path}`
  return [
    `curl -sS ${quoted(`${apiUrl}/webhooks/aisend`)}`,
    `-H 'content-type: application/json'`,
    `-H 'x-webhook-signature: ${signature}'`,
    `--data-binary ${quoted(data)}`,
  ].join(' \\\n  ')
}

/** What came from standard input cannot be read again, so it stands in the command itself. */
function inline(body: Buffer): string {
  const text = body.toString('utf8')
  if (text.includes('\0') || text.startsWith('@') || !Buffer.from(text).equals(body)) {
    throw new UsageError('These bytes cannot stand in a command: put them into a file.')
  }
  return text
}

/** For POSIX shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

try {
  console.log(await run(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigurationError)) throw error
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error.message)
  process.exitCode = 2
}
