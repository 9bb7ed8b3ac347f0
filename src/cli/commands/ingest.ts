import { Argument, Command, Option } from 'commander'
import { IngestRefusedError, ingest } from '../../ingest/ingest.ts'
import { entriesOfFile, entriesOfPipe, type LogFormat, logFormats } from '../../ingest/sources.ts'
import { mailServerEntry } from '../../providers/mail-server/entry.ts'
import {
  type CommandContext,
  type JsonOption,
  printResult,
  UsageError,
  urlOption,
  withJson,
} from '../command-context.ts'
import { findApiUrl, findWebhookSecret } from '../target.ts'

interface IngestCommandOptions extends JsonOption {
  readonly url?: string
  readonly secret?: string
  readonly account?: string
  readonly relay: string[]
  readonly state?: string
  readonly once?: boolean
}

/** Posts what a mail server logs. */
export const ingestCommand = (context: CommandContext): Command =>
  withJson(
    new Command('ingest')
      .description('post what your own mail server logs as events')
      .addArgument(new Argument('<format>', 'of the log').choices(logFormats))
      .argument('[file]', 'log to follow, also over its rotation; without it, standard input is read')
      .option('--once', 'stop at the end of the file')
      .option('--relay <host...>', 'host that passes emails on: what it accepts is sent, not delivered', [])
      .option(
        '--state <path>',
        'where to keep the place in the log (default: the file, with .aftersend after its name)',
      )
      .option('--account <name>', 'name of the account in the webhook’s path')
      .addOption(
        new Option(
          '--secret <secret>',
          `signing secret (default: ${mailServerEntry.variable}, or the generated one in DATA_DIR)`,
        ),
      )
      .addOption(urlOption()),
  ).action(async (format: LogFormat, file: string | undefined, options: IngestCommandOptions) => {
    const { signal } = context
    const source = { format, relays: options.relay, signal }
    const url = await webhookUrl(options, context)
    const secret = await findWebhookSecret(options.secret, context.env, mailServerEntry)
    const onRetry = (reason: string) => void context.progress.write(`${reason}; the events are sent again\n`)
    const entries =
      file === undefined
        ? entriesOfPipe(context.stdin, source)
        : entriesOfFile(file, { ...source, statePath: options.state ?? `${file}.aftersend`, isFollowed: !options.once })
    const counts = await ingest(entries, { url, secret, signal, onRetry }).catch((error) => {
      throw isForUser(error) ? new UsageError(error.message, { cause: error }) : error
    })
    const { received, duplicates, unnamed } = counts
    printResult(context, options, counts, () => `${received} events, ${duplicates} known, ${unnamed} without an email`)
  })

const webhookUrl = async ({ url, account }: IngestCommandOptions, { env }: CommandContext): Promise<string> =>
  [await findApiUrl(url, env), 'webhooks', mailServerEntry.name, ...(account ? [account] : [])].join('/')

/** A file that is not there, or a request that is refused. */
const isForUser = (error: unknown): error is Error =>
  error instanceof IngestRefusedError || (error instanceof Error && 'code' in error && 'path' in error)
