import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { readMappedProviders } from '../../providers/accounts.ts'
import { aisendSignature } from '../../providers/aisend/sample.ts'
import { aisend } from '../../providers/aisend/webhook.ts'
import type { ProviderEntry } from '../../providers/provider.ts'
import { entryNamed, providers } from '../../providers/registry.ts'
import {
  type CommandContext,
  type JsonOption,
  printResult,
  UsageError,
  urlOption,
  withJson,
} from '../command-context.ts'
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

/** Signs the exact bytes of a file as the provider would. */
export function signCommand(context: CommandContext): Command {
  const { mappedProviders } = readMappedProviders(context.env)
  return withJson(
    new Command('sign')
      .description('print the signature that a provider would send for an event')
      .argument('<file>', 'the event’s JSON; - reads standard input')
      .addOption(
        new Option('--provider <name>', 'name of the provider')
          .choices([...providers, ...mappedProviders].map(({ name }) => name))
          .default('aisend'),
      )
      .option('--curl', 'print a complete curl command')
      .option(
        '--secret <secret>',
        'signing secret (default: the provider’s variable, or the generated one in DATA_DIR)',
      )
      .addOption(urlOption()),
  ).action(async (path: string, options: SignOptions) => {
    const provider = entryNamed(options.provider, mappedProviders)
    if (!provider) throw new UsageError(`--provider ${options.provider} is unknown`)
    const body = await readBody(path, context)
    const secret = await findWebhookSecret(options.secret, context.env, provider)
    const signed = signedRequest(provider, body, secret)
    const url = options.curl || options.json ? await webhookUrl(options, context) : ''
    printResult(context, options, { url, headers: signed.headers, body: signed.body.toString() }, () =>
      options.curl ? curlCommand(url, signed, path, body) : headerLines(signed),
    )
  })
}

/** AISend signs bytes. The others sign text, and some wrap it. */
function signedRequest(provider: ProviderEntry, body: Buffer, secret: string): Signed {
  if (provider.name === aisend.name) {
    return {
      headers: { 'content-type': 'application/json', 'x-webhook-signature': aisendSignature(body, secret) },
      body,
    }
  }
  if (!isUtf8(body)) throw new UsageError('The event must be UTF-8 text.')
  return provider.sign(body.toString('utf8'), secret, Date.now())
}

const webhookUrl = async ({ url, provider }: SignOptions, { env }: CommandContext): Promise<string> =>
  `${await findApiUrl(url, env)}/webhooks/${provider}`

async function readBody(path: string, { stdin }: CommandContext): Promise<Buffer> {
  if (path === '-') return buffer(stdin)
  try {
    return await readFile(path)
  } catch (cause) {
    throw new UsageError(`${path} cannot be read: check that the file exists.`, { cause })
  }
}

/** Of one header, only the value, for use in a shell; of several, one on each line. */
function headerLines({ headers }: Signed): string {
  const signatures = Object.entries(headers).filter(([name]) => name !== 'content-type')
  const [only, ...more] = signatures
  if (only && more.length === 0) return only[1]
  return signatures.map(([name, value]) => `${name}: ${value}`).join('\n')
}

/** With `--data-binary`, since `--data` drops line ends, and so breaks the signature. */
function curlCommand(url: string, { headers, body }: Signed, path: string, given: Buffer): string {
  const isUnchanged = Buffer.from(body).equals(given)
  const data = path === '-' || !isUnchanged ? inline(body) : `@${path}`
  return [
    `curl -sS ${quoted(url)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    `--data-binary ${quoted(data)}`,
  ].join(' \\\n  ')
}

/** Standard input cannot be read again, so the command contains the body. */
function inline(body: Buffer | string): string {
  const text = body.toString('utf8')
  if (text.includes('\0') || text.startsWith('@') || !Buffer.from(text).equals(Buffer.from(body))) {
    throw new UsageError('A command cannot contain these bytes: store them in a file.')
  }
  return text
}

/** For POSIX shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
