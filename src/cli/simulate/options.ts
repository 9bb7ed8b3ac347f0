/** The command line of `npm run simulate`. */
import { parseArgs } from 'node:util'
import ms from 'ms'
import { z } from 'zod'

/** The command line cannot be carried out as it was written. The message says what is wrong, for the person who typed it. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export const usage = `Plays an email provider against a running Aftersend: registers emails and posts signed webhooks.

  npm run simulate -- [options]

  --emails N         how many emails (default 500)
  --rate N           emails begun per second (default 100)
  --seed N           the same seed plans the same emails (default 1)
  --speed N          how many times faster than life delays pass (default 600: an hour takes 6 seconds)
  --verify           wait until every email is settled in, and compare its state with what must be true
  --timeout D        how long a webhook is tried again, and how long --verify waits (default 5m)
  --concurrency N    requests under way at most (default 32)
  --run NAME         what makes IDs and addresses this run's own (default: from the clock)
  --url URL          where Aftersend listens (default: the one running in DATA_DIR, or PORT)
  --secret S         the webhook secret (default: AISEND_WEBHOOK_SECRET, else the one in DATA_DIR)
  --api-key K        the key for /v1 (default: API_KEYS, else the one in DATA_DIR)
  --no-progress      no progress
  --help             this

Exits with 0, with 1 when something differs or could not be delivered, and with 2 when it could not begin.`

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
  readonly help: boolean
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
  'api-key': z.string().min(1, 'wants a key').optional(),
  'no-progress': z.boolean().default(false),
  help: z.boolean().default(false),
})

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const

/**
 * @param now names the run where the command line does not; epoch milliseconds.
 * @throws UsageError naming every option that is wrong.
 */
export function parseOptions(args: readonly string[], now: number): SimulateOptions {
  const parsed = form.safeParse(readArguments(args))
  if (!parsed.success) {
    throw new UsageError(parsed.error.issues.map((issue) => `--${issue.path.join('.')} ${issue.message}`).join('\n'))
  }
  const { timeout, run, 'api-key': apiKey, 'no-progress': isQuiet, url, secret, ...plain } = parsed.data
  return { ...plain, url, secret, apiKey, timeoutMs: timeout, run: run ?? now.toString(36), showsProgress: !isQuiet }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ emails: text, rate: text, seed: text, speed: text, timeout: text, concurrency: text, run: text },
        ...{ url: text, secret: text, 'api-key': text },
        ...{ verify: flag, 'no-progress': flag, help: { ...flag, short: 'h' } },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}
