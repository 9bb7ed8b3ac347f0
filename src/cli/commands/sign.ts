import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { aisend, signAisend } from '../../providers/aisend.ts'
import { type ProviderEntry, providerNamed, providers } from '../../providers/registry.ts'
import { type CommandContext, type JsonOption, tell, UsageError, urlOption, withJson } from '../command-context.ts'
import { findApiUrl, findWebhookSecret } from '../target.ts'

interface SignOptions extends JsonOption {
  readonly provider: string
  readonly secret?: string
  readonly url?: string
  readonly curl?: boolean
}

interface Signed {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** The request that a provider would send for a file's exact bytes. */
export const signCommand = (context: CommandContext): Command =>
  withJson(
    new Command('sign')
      .description('the signature that a provider would send for an event, for curl')
      .argument('<file>', 'the event’s JSON; - reads standard input')
      .addOption(new Option('--provider <name>', 'whose').choices(providers.map(({ name }) => name)).default('aisend'))
      .option('--curl', 'a whole curl command')
      .option('--secret <secret>', 'what signs (default: the provider’s variable, else what is in DATA_DIR)')
      .addOption(urlOption()),
  ).action(async (path: string, options: SignOptions) => {
    const provider = providerNamed(options.provider)
    if (!provider) throw new UsageError(`--provider: no provider is called ${options.provider}`)
    const body = await readBody(path, context)
    const secret = await findWebhookSecret(options.secret, context.env, provider)
    const signed = signedRequest(provider, body, secret)
    const url = options.curl || options.json ? await webhookUrl(options, context) : ''
    tell(context, options, { url, headers: signed.headers, body: signed.body.toString() }, () =>
      options.curl ? curlCommand(url, signed, path, body) : headerLines(signed),
    )
  })

/** AISend signs bytes, whatever they are; the others sign text, and some wrap it. */
function signedRequest(provider: ProviderEntry, body: Buffer, secret: string): Signed {
  if (provider.name === aisend.name) {
    return { headers: { 'content-type': 'application/json', 'x-webhook-signature': signAisend(body, secret) }, body }
  }
  if (!isUtf8(body)) throw new UsageError('The event is not UTF-8 text.')
  return provider.sign(body.toString('utf8'), secret, Date.now())
}

const webhookUrl = async ({ url, provider }: SignOptions, { env }: CommandContext): Promise<string> =>
  `${await findApiUrl(url, env)}/webhooks/${provider}`

async function readBody(path: string, { stdin }: CommandContext): Promise<Buffer> {
  if (path === '-') return buffer(stdin)
  try {
    return await readFile(path)
  } catch (cause) {
    throw new UsageError(`${path} cannot be read.`, { cause })
  }
}

/** Of one header the value alone, so that a shell can put it where it wants; of several each on a line. */
function headerLines({ headers }: Signed): string {
  const signatures = Object.entries(headers).filter(([name]) => name !== 'content-type')
  const [only, ...more] = signatures
  if (only && more.length === 0) return only[1]
  return signatures.map(([name, value]) => `${name}: ${value}`).join('\n')
}

/** `--data-binary`, since `--data` would drop line ends and so break the signature. */
function curlCommand(url: string, { headers, body }: Signed, path: string, given: Buffer): string {
  const isAsGiven = Buffer.from(body).equals(given)
  const data = path === '-' || !isAsGiven ? inline(body) : `@${path}`
  return [
    `curl -sS ${quoted(url)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `--data-binary ${quoted(data)}`,
  ].join(' \\\n  ')
}

/** What came from standard input cannot be read again, so it stands in the command itself. */
function inline(body: Buffer | string): string {
  const text = body.toString('utf8')
  if (text.includes('\0') || text.startsWith('@') || !Buffer.from(text).equals(Buffer.from(body))) {
    throw new UsageError('These bytes cannot stand in a command: put them into a file.')
  }
  return text
}

/** For POSIX shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
