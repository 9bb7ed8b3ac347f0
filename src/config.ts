/** The environment, parsed once. Nothing else reads it. */

import { homedir } from 'node:os'
import { join } from 'node:path'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import ms from 'ms'
import { z } from 'zod'
import type { AlarmPolicy } from './domain/rate-policy.ts'
import { defaultTransitShownAfterMs, type LifecyclePolicy } from './domain/stall-policy.ts'
import { ConfigurationError } from './errors.ts'
import { readWebhookSecrets, type WebhookSecrets } from './providers/accounts.ts'
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

const list = z
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

const environment = z.object({
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

export interface ProviderApiSettings {
  /** Null: the provider is not asked about stalls, and nothing is sent through it. */
  readonly apiKey: string | null
  /** Without a slash at its end. */
  readonly apiUrl: string
}

/** Where spans are sent, and of how many emails. */
export interface TracingSettings {
  /** Takes OTLP over HTTP. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** Of all emails, from 0 to 1. */
  readonly sampleRatio: number
}

/** How a connection to Temporal is secured; empty for a plain one. */
export type TemporalSecurity = Pick<NativeConnectionOptions, 'tls' | 'apiKey' | 'metadata'>

/** What the system runs by. Durations are in milliseconds. */
export interface Config {
  /** The port that the user set, or null: then 3000 or the next free one. */
  readonly port: number | null
  /** The port of a worker's own health and figures; null: 3001 or the next free one. */
  readonly workerPort: number | null
  readonly host: string
  readonly role: 'all' | 'api' | 'worker'
  /** Where the embedded servers keep their data, and the generated secrets. */
  readonly dataDir: string
  /** Null: embed a PostgreSQL. */
  readonly databaseUrl: string | null
  readonly temporal: {
    /** Null: embed a Temporal dev server. */
    readonly address: string | null
    readonly namespace: string
    /** Where people's browsers reach its Web UI, without a slash at its end; null where it is not known, or embedded. */
    readonly webUiUrl: string | null
    /** Where the embedded one's program is looked for. */
    readonly cli: { readonly path: string | null; readonly searchPath: string; readonly cacheDir: string }
    /** TLS, API key and headers from Temporal's own variables (TEMPORAL_TLS…, TEMPORAL_API_KEY, TEMPORAL_GRPC_META_…). */
    readonly security: TemporalSecurity
  }
  /**
   * Who may post webhooks, by what stands after `/webhooks/`: a provider, or a provider and one of its further accounts.
   * Any of a list may sign. In embedded mode, those that are missing are generated.
   */
  readonly webhookSecrets: WebhookSecrets['secrets']
  /** The providers' APIs, by the provider's name. */
  readonly providerApis: Readonly<Record<'aisend' | 'resend', ProviderApiSettings>>
  readonly apiKeys: readonly string[]
  /** By which the addresses of erased people are kept. Null only in embedded mode, where one is generated. */
  readonly erasureKey: string | null
  /** They open `/metrics` alone: a scraper need not hold a key to what people were sent. */
  readonly metricsKeys: readonly string[]
  readonly policy: LifecyclePolicy
  /** Events that are older when they are received are put aside. */
  readonly maxEventAgeMs: number
  /** How long the JSON of events, and addresses and subjects, are kept. */
  readonly retention: {
    readonly payloadsAfterMs: number
    readonly addressesAfterMs: number
    /** Null: for ever. */
    readonly keptForMs: number | null
  }
  /** When support is called for sending as a whole. */
  readonly alarms: AlarmPolicy
  readonly support: {
    readonly webhook: { readonly url: string; readonly secret: string } | null
    readonly email: { readonly to: string; readonly smtpUrl: string } | null
  }
  /** Null: nothing is traced, and OpenTelemetry is not loaded. */
  readonly tracing: TracingSettings | null
  /** The Worker Deployment whose builds run lives; null: builds are not told apart. */
  readonly deployment: string | null
  readonly logLevel: string
}

/**
 * Parses the environment; an empty variable counts as unset.
 * @throws ConfigurationError naming every variable that is wrong or missing, all at once.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = environment.safeParse(given)
  const webhooks = readWebhookSecrets(given)
  const mistakes = [
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`),
    ...webhooks.mistakes,
    ...missingTogether(given, webhooks),
    ...(parsed.success ? conflicting(parsed.data) : []),
  ]
  if (!parsed.success || mistakes.length > 0) {
    throw new ConfigurationError(`The configuration cannot work:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`)
  }
  return configOf(parsed.data, securityIn(given), webhooks.secrets)
}

/** As every Temporal tool reads them: @temporalio/envconfig. Files are left out, so that all settings are in one place. */
function securityIn(given: Record<string, string | undefined>): TemporalSecurity {
  const overrideEnvVars = given as Record<string, string>
  const { tls, apiKey, metadata } = loadClientConnectConfig({ disableFile: true, overrideEnvVars }).connectionOptions
  return { ...(tls && { tls }), ...(apiKey && { apiKey }), ...(metadata && { metadata }) }
}

type Environment = z.infer<typeof environment>

type Given = Readonly<Record<string, string | undefined>>

/** Whether the process itself starts a server that it needs: only then are secrets generated rather than demanded. */
const isEmbedded = (given: Given) => !given['DATABASE_URL'] || !given['TEMPORAL_ADDRESS']

const holdsNone = (text: string | undefined) => list.parse(text).length === 0

const otherVariables = providers
  .slice(1)
  .map(({ variable }) => variable)
  .join(', ')

/** What one setting wants of another. Looks at what was given, so that it is told along with what is malformed. */
function missingTogether(given: Given, webhooks: WebhookSecrets): string[] {
  const mistakes: string[] = []
  const role = given['ROLE'] ?? 'all'
  if (!isEmbedded(given) && role !== 'worker') {
    if (webhooks.secrets.size === 0 && webhooks.mistakes.length === 0)
      mistakes.push(
        `AISEND_WEBHOOK_SECRET is missing: the secret from AISend, or another provider's (${otherVariables})`,
      )
    if (holdsNone(given['API_KEYS']))
      mistakes.push('API_KEYS is missing: one or more keys for /v1, separated by commas')
  }
  if (['api', 'worker'].includes(role) && isEmbedded(given)) {
    mistakes.push(`ROLE=${role} wants DATABASE_URL and TEMPORAL_ADDRESS: only ROLE=all embeds its servers`)
  }
  if (given['SUPPORT_WEBHOOK_URL'] && !given['SUPPORT_WEBHOOK_SECRET']) {
    mistakes.push('SUPPORT_WEBHOOK_SECRET is missing: SUPPORT_WEBHOOK_URL is called with a signature')
  }
  if (given['SUPPORT_EMAIL'] && !given['SMTP_URL']) {
    mistakes.push('SMTP_URL is missing: SUPPORT_EMAIL is written to through it')
  }
  return mistakes
}

/** For how long a provider repeats a webhook, and a day more. Source: AISend, 24 hours. */
const repeatWindowMs = 2 * 86_400_000

/** What two settings say against each other. */
const conflicting = ({ RETAIN_EVENTS: keptForMs, MAX_EVENT_AGE: maxAgeMs }: Environment): string[] =>
  keptForMs !== null && keptForMs < maxAgeMs + repeatWindowMs
    ? ['RETAIN_EVENTS wants to be 2 days longer than MAX_EVENT_AGE: an event that is repeated must still be known']
    : []

function configOf(env: Environment, security: TemporalSecurity, webhookSecrets: Config['webhookSecrets']): Config {
  return {
    port: env.PORT ?? null,
    workerPort: env.WORKER_PORT ?? null,
    host: env.HOST,
    role: env.ROLE,
    dataDir: env.DATA_DIR,
    databaseUrl: env.DATABASE_URL ?? null,
    temporal: {
      address: env.TEMPORAL_ADDRESS ?? null,
      namespace: env.TEMPORAL_NAMESPACE,
      webUiUrl: env.TEMPORAL_UI_URL?.replace(/\/+$/, '') ?? null,
      cli: {
        path: env.TEMPORAL_CLI_PATH ?? null,
        searchPath: env.PATH ?? '',
        cacheDir: join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'aftersend'),
      },
      security,
    },
    webhookSecrets,
    providerApis: {
      aisend: { apiKey: env.AISEND_API_KEY ?? null, apiUrl: env.AISEND_API_URL.replace(/\/+$/, '') },
      resend: { apiKey: env.RESEND_API_KEY ?? null, apiUrl: env.RESEND_API_URL.replace(/\/+$/, '') },
    },
    apiKeys: env.API_KEYS,
    erasureKey: env.ERASURE_KEY ?? null,
    metricsKeys: env.METRICS_KEYS,
    policy: {
      stallAfterMs: {
        critical: env.STALL_AFTER_CRITICAL,
        normal: env.STALL_AFTER_NORMAL,
        bulk: env.STALL_AFTER_BULK,
      },
      escalationRepeatAfterMs: env.ESCALATION_REPEAT_AFTER,
      engagementWindowMs: env.ENGAGEMENT_WINDOW,
      giveUpAfterMs: env.GIVE_UP_AFTER,
      transitShownAfterMs: defaultTransitShownAfterMs,
    },
    maxEventAgeMs: env.MAX_EVENT_AGE,
    retention: {
      payloadsAfterMs: env.RETAIN_PAYLOADS,
      addressesAfterMs: env.RETAIN_ADDRESSES,
      keptForMs: env.RETAIN_EVENTS,
    },
    alarms: {
      bounceRate: env.ALARM_BOUNCE_RATE,
      complaintRate: env.ALARM_COMPLAINT_RATE,
      minimumSample: env.ALARM_MIN_SAMPLE,
      backlogAfterMs: env.ALARM_BACKLOG_AFTER,
      signatureFailures: env.ALARM_SIGNATURE_FAILURES,
      silenceAfterMs: env.ALARM_SILENCE_AFTER,
    },
    support: {
      webhook:
        env.SUPPORT_WEBHOOK_URL && env.SUPPORT_WEBHOOK_SECRET
          ? { url: env.SUPPORT_WEBHOOK_URL, secret: env.SUPPORT_WEBHOOK_SECRET }
          : null,
      email: env.SUPPORT_EMAIL && env.SMTP_URL ? { to: env.SUPPORT_EMAIL, smtpUrl: env.SMTP_URL } : null,
    },
    tracing: env.OTEL_EXPORTER_OTLP_ENDPOINT
      ? {
          url: `${env.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, '')}/v1/traces`,
          headers: env.OTEL_EXPORTER_OTLP_HEADERS,
          serviceName: env.OTEL_SERVICE_NAME,
          sampleRatio: env.OTEL_TRACES_SAMPLER_ARG,
        }
      : null,
    deployment: env.WORKER_DEPLOYMENT ?? null,
    logLevel: env.LOG_LEVEL,
  }
}
