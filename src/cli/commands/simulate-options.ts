/** The options of `aftersend simulate`. */
import { type Command, Option } from 'commander'
import ms from 'ms'
import { z } from 'zod'
import type { ProviderEntry } from '../../providers/provider.ts'
import { eventProviders } from '../../providers/registry.ts'
import type { SimulateOptions } from '../../simulator/options.ts'
import { keyOption, UsageError, urlOption } from '../command-context.ts'

/** Free on most machines, and named in the documentation. */
const defaultPort = 4010

/** Adds description and options to the command. @param entries the providers that can be played. */
export const simulateOptions = (command: Command, entries: readonly ProviderEntry[] = eventProviders): Command =>
  command
    .description('simulate an email provider: register emails at a running Aftersend and post signed webhooks')
    .addOption(
      new Option('--provider <name>', 'name of the provider')
        .choices(entries.map(({ name }) => name))
        .default('aisend'),
    )
    .option('--emails <n>', 'number of emails (default: 500)')
    .option('--rate <n>', 'emails started per second (default: 100)')
    .option('--seed <n>', 'seed of the random plan: the same seed gives the same emails (default: 1)')
    .option('--speed <n>', 'factor by which delays are shortened (default: 600, an hour takes 6 seconds)')
    .option('--verify', 'wait until all events are applied, and compare each email with its expected state')
    .option('--timeout <duration>', 'how long to retry a webhook, and how long --verify waits (default: 5m)')
    .option('--concurrency <n>', 'most requests at the same time (default: 32)')
    .option(
      '--run <name>',
      'part of all IDs and addresses, so that runs do not disturb each other (default: from the clock)',
    )
    .option('--secret <secret>', 'signing secret (default: the provider’s variable, or the generated one in DATA_DIR)')
    .addOption(
      new Option(
        '--stand-in <provider>',
        'play the provider with its API too, if it has one, which Aftersend must be started with: what webhooks miss is reconciled',
      )
        .choices(entries.map(({ name }) => name))
        .conflicts('provider'),
    )
    .option('--stand-in-port <port>', `port of that API on this machine (default: ${defaultPort})`)
    .option('--lose <share>', 'webhooks of the stand-in that are lost, such as 5%')
    .option('--duplicate <share>', 'webhooks of the stand-in that are posted twice')
    .option('--reorder', 'webhooks of the stand-in overtake one another')
    .option('--outage <duration>', 'for so long the stand-in posts nothing, nor later; --speed shortens it')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'print JSON')
    .option('--no-progress', 'do not show the progress')

const whole = (low: number, high: number, fallback: number) =>
  z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(low, `must be at least ${low}`)
    .max(high, `must be at most ${high}`)
    .default(fallback)

const positive = (fallback: number) =>
  z.coerce
    .number('must be a number')
    .positive('must be above 0')
    .max(1_000_000, 'must be at most 1000000')
    .default(fallback)

const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'must be a duration such as 30s or 5m')
    .default(fallback)
    .transform((text) => ms(text as ms.StringValue))

const share = z
  .string()
  .regex(/^(\d{1,2}(\.\d+)?|100)%$/, 'must be a share from 0% to 100%')
  .default('0%')
  .transform((text) => Number.parseFloat(text) / 100)

const form = z.object({
  emails: whole(1, 1_000_000, 500),
  rate: positive(100),
  seed: whole(0, 4_294_967_295, 1),
  speed: positive(600),
  verify: z.boolean().default(false),
  timeout: duration('5m'),
  concurrency: whole(1, 1_000, 32),
  run: z
    .string()
    .regex(/^[a-z0-9-]{1,24}$/, 'must be up to 24 lower-case letters, digits and -')
    .optional(),
  url: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).optional(),
  secret: z.string().min(1, 'must not be empty').optional(),
  key: z.string().min(1, 'must not be empty').optional(),
  progress: z.boolean().default(true),
  json: z.boolean().default(false),
  provider: z.string(),
  standIn: z.string().optional(),
  standInPort: whole(1, 65_535, defaultPort),
  lose: share,
  duplicate: share,
  reorder: z.boolean().default(false),
  outage: duration('0s'),
})

/** They are faults of a stand-in. */
const faultOptions = ['lose', 'duplicate', 'reorder', 'outage'] as const

/**
 * @param given the options as commander parsed them.
 * @param now epoch milliseconds; the default name of the run is made from it.
 * @throws UsageError that names every invalid option.
 */
export function readOptions(given: unknown, now: number): SimulateOptions {
  const parsed = form.safeParse(given)
  if (!parsed.success) {
    throw new UsageError(parsed.error.issues.map((issue) => `--${issue.path.join('.')} ${issue.message}`).join('\n'))
  }
  const { timeout, run, key, progress, url, secret, standIn, standInPort, outage, ...others } = parsed.data
  const { lose, duplicate, reorder, ...plain } = others
  const [fault] = faultOptions.filter((option) => option in Object(given))
  if (fault && standIn === undefined) throw new UsageError(`--${fault} needs --stand-in`)
  return {
    ...plain,
    provider: standIn ?? plain.provider,
    standIn:
      standIn === undefined ? null : { port: standInPort, faults: { lose, duplicate, reorder, outageMs: outage } },
    url,
    secret,
    apiKey: key,
    timeoutMs: timeout,
    run: run ?? now.toString(36),
    showsProgress: progress,
  }
}
