/** The configuration: the environment, parsed once. Nothing else reads it. */

import { homedir } from 'node:os'
import { join } from 'node:path'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import type { AlarmPolicy } from './domain/rate-policy.ts'
import { defaultTransitShownAfterMs, type LifecyclePolicy } from './domain/stall-policy.ts'
import { type Environment, environment, list } from './environment.ts'
import { ConfigurationError } from './errors.ts'
import { readWebhookSecrets, type WebhookSecrets } from './providers/accounts.ts'
import { providers } from './providers/registry.ts'

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
