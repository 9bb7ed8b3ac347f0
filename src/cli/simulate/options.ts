/** The options of `aftersend simulate`. */
import { type Command, Option } from 'commander'
import ms from 'ms'
import { z } from 'zod'
import { providers } from '../../providers/registry.ts'
import { keyOption, UsageError, urlOption } from '../command-context.ts'

/** The command with its options; what it does is added by whoever makes it. */
export const simulateOptions = (command: Command): Command =>
  command
    .description('play an email provider against a running Aftersend: register emails and post signed webhooks')
    .addOption(
      new Option('--provider <name>', 'whose webhooks are posted')
        .choices(providers.map(({ name }) => name))
        .default('aisend'),
    )
    .option('--emails <n>', 'how many emails (default: 500)')
    .option('--rate <n>', 'emails begun per second (default: 100)')
    .option('--seed <n>', 'the same seed plans the same emails (default: 1)')
    .option('--speed <n>', 'how many times faster than life delays pass (default: 600, an hour takes 6 seconds)')
    .option('--verify', 'wait until every email is settled in, and compare its state with what must be true')
    .option('--timeout <duration>', 'how long a webhook is tried again, and how long --verify waits (default: 5m)')
    .option('--concurrency <n>', 'requests under way at most (default: 32)')
    .option('--run <name>', 'what makes IDs and addresses this run’s own (default: from the clock)')
    .option('--secret <secret>', 'what signs webhooks (default: the provider’s variable, else what is in DATA_DIR)')
    .addOption(urlOption())
    .addOption(keyOption())
    .option('--json', 'the result as JSON instead of words')
    .option('--no-progress', 'no progress')

export interface SimulateOptions {
  readonly emails: number
  readonly rate: number
  readonly seed: number
  readonly speed: number
  readonly verify: boolean
  readonly timeoutMs: number
  readonly concurrency: number
  readonly run: string
  readonly url: string | undefined
  readonly secret: string | undefined
  readonly apiKey: string | undefined
  readonly showsProgress: boolean
  readonly json: boolean
  /** Whose webhooks are posted: a name in the table of providers. */
  readonly provider: string
}

const whole = (low: number, high: number, fallback: number) =>
  z.coerce
    .number('wants a number')
    .int('wants a whole number')
    .min(low, `wants at least ${low}`)
    .max(high, `wants at most ${high}`)
    .default(fallback)

const positive = (fallback: number) =>
  z.coerce.number('wants a number').positive('wants a number above zero').max(1_000_000).default(fallback)

const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'wants a duration such as 30s or 5m')
  .default('5m')
  .transform((text) => ms(text as ms.StringValue))

const form = z.object({
  emails: whole(1, 1_000_000, 500),
  rate: positive(100),
  seed: whole(0, 4_294_967_295, 1),
  speed: positive(600),
  verify: z.boolean().default(false),
  timeout: duration,
  concurrency: whole(1, 1_000, 32),
  run: z
    .string()
    .regex(/^[a-z0-9-]{1,24}$/, 'wants up to 24 lower-case letters, digits and -')
    .optional(),
  url: z.url({ protocol: /^https?$/, error: 'wants an http:// or https:// URL' }).optional(),
  secret: z.string().min(1, 'wants a secret').optional(),
  key: z.string().min(1, 'wants a key').optional(),
  progress: z.boolean().default(true),
  json: z.boolean().default(false),
  provider: z.string(),
})

/**
 * @param given by commander.
 * @param now names the run where the command line does not; epoch milliseconds.
 * @throws UsageError naming every option that is wrong.
 */
export function readOptions(given: unknown, now: number): SimulateOptions {
  const parsed = form.safeParse(given)
  if (!parsed.success) {
    throw new UsageError(parsed.error.issues.map((issue) => `--${issue.path.join('.')} ${issue.message}`).join('\n'))
  }
  const { timeout, run, key, progress, url, secret, ...plain } = parsed.data
  return {
    ...plain,
    url,
    secret,
    apiKey: key,
    timeoutMs: timeout,
    run: run ?? now.toString(36),
    showsProgress: progress,
  }
}
