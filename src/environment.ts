/** The variables of the environment that config.ts reads: what each may hold, and what it is when it is not set. */
import ms from 'ms'
import { z } from 'zod'
import { providers } from './providers/registry.ts'

const durationForm = /^\d+(\.\d+)?(ms|s|m|h|d)$/

const duration = (fallback: ms.StringValue) =>
  z
    .string()
    .regex(durationForm, 'wants a duration such as 3s, 10m, 4h or 14d')
    .default(fallback)
    .transform((text) => ms(text as ms.StringValue))
    .refine((value) => value > 0, 'wants a duration above zero')

const durationOrForever = (fallback: ms.StringValue) =>
  z
    .literal('forever')
    .transform(() => null)
    .or(duration(fallback))

/** A share of everything, written as `2%`. */
const percentage = (fallback: `${number}%`) =>
  z
    .string()
    .regex(/^\d{1,3}(\.\d{1,6})?%$/, 'wants a percentage such as 2% or 0.1%')
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) / 100)
    .refine((share) => share > 0 && share <= 1, 'wants more than 0% and at most 100%')

const wholeNumber = (fallback: number) =>
  z.coerce.number('wants a whole number').int('wants a whole number').min(1, 'wants at least 1').default(fallback)

export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  )

const keys = list.refine((given) => given.every((key) => key.length >= 16), 'wants keys of 16 characters or more')

const port = z.coerce.number('wants a port number').int().min(1, 'wants a port number').max(65_535).optional()

/** As OpenTelemetry writes them: name=value, percent-encoded, with commas between. */
const headers = list
  .refine(
    (given) => given.every((pair) => /^[^=\s]+=([^%]|%[0-9A-Fa-f]{2})*$/.test(pair)),
    'wants name=value, with commas between',
  )
  .transform((given) =>
    Object.fromEntries(
      given.map((pair) => {
        const at = pair.indexOf('=')
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))]
      }),
    ),
  )

const httpUrl = z.url({ protocol: /^https?$/, error: 'wants an http:// or https:// URL' })

export const environment = z.object({
  PORT: port,
  WORKER_PORT: port,
  HOST: z.string().default('127.0.0.1'),
  ROLE: z.enum(['all', 'api', 'worker'], 'wants all, api or worker').default('all'),
  DATA_DIR: z.string().default('.aftersend'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'wants a URL such as postgresql://user:password@host:5432/aftersend' })
    .optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d+$/, 'wants host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_UI_URL: httpUrl.optional(),
  TEMPORAL_CLI_PATH: z.string().optional(),
  WORKER_DEPLOYMENT: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'wants a name of letters, digits, - and _')
    .optional(),
  AISEND_API_KEY: z.string().optional(),
  AISEND_API_URL: httpUrl.default('https://api.aisend.com'),
  RESEND_API_KEY: z.string().optional(),
  RESEND_API_URL: httpUrl.default('https://api.resend.com'),
  ERASURE_KEY: z.string().min(32, 'wants 32 characters or more').optional(),
  API_KEYS: keys,
  METRICS_KEYS: keys,
  STALL_AFTER_CRITICAL: duration('10m'),
  STALL_AFTER_NORMAL: duration('4h'),
  STALL_AFTER_BULK: duration('24h'),
  ESCALATION_REPEAT_AFTER: duration('30m'),
  ENGAGEMENT_WINDOW: duration('24h'),
  GIVE_UP_AFTER: duration('14d'),
  MAX_EVENT_AGE: duration('7d'),
  RETAIN_PAYLOADS: duration('30d'),
  RETAIN_ADDRESSES: duration('180d'),
  RETAIN_EVENTS: durationOrForever('400d'),
  ALARM_BOUNCE_RATE: percentage('2%'),
  ALARM_COMPLAINT_RATE: percentage('0.1%'),
  ALARM_MIN_SAMPLE: wholeNumber(100),
  ALARM_BACKLOG_AFTER: duration('10m'),
  ALARM_SIGNATURE_FAILURES: wholeNumber(20),
  ALARM_SILENCE_AFTER: duration('6h'),
  SUPPORT_WEBHOOK_URL: httpUrl.optional(),
  SUPPORT_WEBHOOK_SECRET: z
    .string()
    .regex(/^(whsec_)?[A-Za-z0-9+/]{24,}={0,2}$/, 'wants base64 of 24 to 64 random bytes, with or without whsec_')
    .optional(),
  SUPPORT_EMAIL: z.email('wants an email address').optional(),
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'wants a URL such as smtp://user:password@host:587' }).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers,
  OTEL_SERVICE_NAME: z.string().default('aftersend'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number('wants a number from 0 to 1')
    .min(0)
    .max(1, 'wants a number from 0 to 1')
    .default(1),
  PATH: z.string().optional(),
  XDG_CACHE_HOME: z.string().optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

/** Variables that tell of the machine rather than of us. */
const machineNames = ['PATH', 'XDG_CACHE_HOME']

/** Every setting of ours, by its variable's name; .env.example says what each means. */
export const settingNames: readonly string[] = [
  ...Object.keys(environment.shape).filter((name) => !machineNames.includes(name)),
  ...providers.map(({ variable }) => variable),
]

export type Environment = z.infer<typeof environment>
