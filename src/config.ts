/** The configuration, parsed once from the environment. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnectionOptions } from '@temporalio/worker'
import { type ChannelSettings, readChannels } from './channel-settings.ts'
import type { Priority } from './domain/events.ts'
import type { Projects } from './domain/project.ts'
import type { AlarmPolicy } from './domain/rate-policy.ts'
import type { LifecyclePolicy } from './domain/stall-policy.ts'
import { type Environment, environment } from './environment.ts'
import { type ExportSettings, exportSettings, missingExportSettings } from './environment-exports.ts'
import { list } from './environment-formats.ts'
import { missingPeopleSettings, type SignInSettings, signInSettings } from './environment-people.ts'
import { alarmPolicy, conflictingRetention, lifecyclePolicy } from './environment-policies.ts'
import { ConfigurationError } from './errors.ts'
import { insecureSettings } from './insecure-settings.ts'
import { type MailSettings, mailErrors, mailSettings } from './mail-settings.ts'
import {
  accountsWithoutSecret,
  missingProjectSettings,
  type ProjectSettings,
  projectSettingsOf,
  readProjectSettings,
} from './project-settings.ts'
import { readWebhookSecrets, type WebhookSecrets } from './providers/accounts.ts'
import { providers } from './providers/registry.ts'

export interface TracingSettings {
  /** An OTLP/HTTP endpoint. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** Of all emails, from 0 to 1. */
  readonly sampleRatio: number
}

/** Credentials and TLS for Temporal; empty for a plain connection. */
export type TemporalSecurity = Pick<NativeConnectionOptions, 'tls' | 'apiKey' | 'metadata'>

/** All durations are in milliseconds. */
export interface Config {
  /** Null: 3000 or the next free port. */
  readonly port: number | null
  /** The port for a worker's health and metrics. Null: 3001 or the next free port. */
  readonly workerPort: number | null
  readonly host: string
  readonly role: 'all' | 'api' | 'worker'
  /** For the data of embedded servers and the generated secrets. */
  readonly dataDir: string
  /** Null: PostgreSQL is embedded. */
  readonly databaseUrl: string | null
  readonly temporal: {
    /** Null: a Temporal dev server is embedded. */
    readonly address: string | null
    readonly namespace: string
    /** The URL of its Web UI for browsers, without a trailing slash; null if unknown or embedded. */
    readonly webUiUrl: string | null
    /** Where to find the program of the embedded server. */
    readonly cli: { readonly path: string | null; readonly searchPath: string; readonly cacheDir: string }
    /** TLS, API key and headers from Temporal's own variables (TEMPORAL_TLS…, TEMPORAL_API_KEY, TEMPORAL_GRPC_META_…). */
    readonly security: TemporalSecurity
  }
  /**
   * Webhook secrets by the path after `/webhooks/`: a provider, or a provider and an account. Each secret of a list is valid.
   * In embedded mode, missing ones are generated.
   */
  readonly webhookSecrets: WebhookSecrets['secrets']
  /** The senders of MAPPINGS_FILE. */
  readonly mappedProviders: WebhookSecrets['mappedProviders']
  /** Of the default project. */
  readonly providerApis: ProjectSettings['providerApis']
  readonly apiKeys: readonly string[]
  readonly signIn: SignInSettings
  /** For the hashes of erased addresses. Null only in embedded mode, where one is generated. */
  readonly erasureKey: string | null
  /** Keys for `/metrics` only, so that a scraper needs no API key. */
  readonly metricsKeys: readonly string[]
  /** The number of proxies between clients and the API. */
  readonly proxyHops: number
  readonly policy: LifecyclePolicy
  /** How long an email's first events wait for others to share a signal, by priority. */
  readonly coalesceMs: Readonly<Record<Priority, number>>
  /** Events that are older on receipt are quarantined. */
  readonly maxEventAgeMs: number
  /** When payloads, addresses and subjects, and events are deleted. */
  readonly retention: {
    readonly payloadsAfterMs: number
    readonly addressesAfterMs: number
    /** Null: never. */
    readonly keptForMs: number | null
  }
  /** The limits for incidents. */
  readonly alarms: AlarmPolicy
  /** The DNS servers that are asked (empty: those of the machine), and whether they are asked who receives the email of a domain. */
  readonly dns: { readonly servers: readonly string[]; readonly looksUpMailServers: boolean }
  /** Of the default project. */
  readonly support: ProjectSettings['support']
  /** Of the whole system, each with what it takes. */
  readonly channels: readonly ChannelSettings[]
  /** Where browsers reach the dashboard, without a path; null if unknown. */
  readonly publicUrl: string | null
  /** The other projects, and what is set for each of them. */
  readonly projects: Projects & { readonly settings: ReadonlyMap<string, ProjectSettings> }
  /** What an export writes, wherever it does. */
  readonly dataExport: ExportSettings
  readonly mail: MailSettings
  /** Hosts, addresses and networks that endpoints may name although they are internal, also with `http://`. */
  readonly endpointAllowedHosts: readonly string[]
  /** Null: tracing is off, and OpenTelemetry is not loaded. */
  readonly tracing: TracingSettings | null
  /** The Worker Deployment of this build; null: builds are not versioned. */
  readonly deployment: string | null
  readonly logLevel: string
}

/**
 * Parses the environment; an empty variable counts as unset.
 * @throws ConfigurationError listing every variable that is not valid or missing.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => (value ?? '').trim() !== ''))
  const parsed = environment.safeParse(given)
  const webhooks = readWebhookSecrets(given)
  const { secrets: webhookSecrets, mappedProviders } = webhooks
  const { projects, errors: projectErrors } = readProjectSettings(given)
  const { channels, errors: channelErrors } = readChannels(given)
  const errors = [
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`),
    ...webhooks.errors,
    ...missingSettings(given, webhooks),
    ...projectErrors,
    ...channelErrors,
    // A worker has no secrets; embedded ones are generated later, for the first accounts.
    ...(given['ROLE'] === 'worker' ? [] : accountsWithoutSecret(projects, webhookSecrets, isEmbedded(given))),
    ...missingPeopleSettings(given),
    ...missingExportSettings(given),
    ...mailErrors(given, parsed.data?.ALLOW_INSECURE ?? []),
    ...(parsed.success ? conflictingRetention(parsed.data) : []),
    ...(parsed.success ? insecureSettings(given, parsed.data.ALLOW_INSECURE, mappedProviders) : []),
  ]
  if (!parsed.success || errors.length > 0) {
    throw new ConfigurationError(`The configuration is not valid:\n${errors.map((error) => `  - ${error}`).join('\n')}`)
  }
  const mail = mailSettings(parsed.data, given, projects)
  const readApart = { webhookSecrets, mappedProviders, projects, channels, mail }
  return configOf(parsed.data, { security: securityIn(given), ...readApart })
}

/** Read by @temporalio/envconfig, as in all Temporal tools, but without its files, so that all settings are in one place. */
function securityIn(given: Record<string, string | undefined>): TemporalSecurity {
  const overrideEnvVars = given as Record<string, string>
  const { tls, apiKey, metadata } = loadClientConnectConfig({ disableFile: true, overrideEnvVars }).connectionOptions
  return { ...(tls && { tls }), ...(apiKey && { apiKey }), ...(metadata && { metadata }) }
}

type Given = Readonly<Record<string, string | undefined>>

/** Whether this process starts a server itself. Only then are missing secrets generated. */
const isEmbedded = (given: Given) => !given['DATABASE_URL'] || !given['TEMPORAL_ADDRESS']

/** Settings that another one requires. Checks the raw values, so that these errors are reported with all others. */
function missingSettings(given: Given, webhooks: WebhookSecrets): string[] {
  const errors: string[] = []
  const role = given['ROLE'] ?? 'all'
  if (!isEmbedded(given) && role !== 'worker') {
    if (webhooks.secrets.size === 0 && webhooks.errors.length === 0)
      errors.push(
        `AISEND_WEBHOOK_SECRET is missing: set the secret from AISend, or another provider's (${providers.map(({ variable }) => variable).join(', ')})`,
      )
    if (list.parse(given['API_KEYS']).length === 0)
      errors.push('API_KEYS is missing: set one or more keys for /v1, separated by commas')
  }
  if (['api', 'worker'].includes(role) && isEmbedded(given)) {
    errors.push(`ROLE=${role} requires DATABASE_URL and TEMPORAL_ADDRESS: only ROLE=all embeds servers`)
  }
  return [...errors, ...missingProjectSettings(given)]
}

type ReadApart = Pick<Config, 'webhookSecrets' | 'mappedProviders' | 'projects' | 'channels' | 'mail'> & {
  readonly security: TemporalSecurity
}

function configOf(env: Environment, { security, ...readApart }: ReadApart): Config {
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
    ...readApart,
    ...projectSettingsOf(env, env.ALLOW_INSECURE),
    apiKeys: env.API_KEYS,
    signIn: signInSettings(env),
    erasureKey: env.ERASURE_KEY ?? null,
    metricsKeys: env.METRICS_KEYS,
    proxyHops: env.TRUSTED_PROXY_HOPS,
    policy: lifecyclePolicy(env),
    // Events of critical emails never wait.
    coalesceMs: { critical: 0, normal: env.COALESCE_FOR_NORMAL, bulk: env.COALESCE_FOR_BULK },
    maxEventAgeMs: env.MAX_EVENT_AGE,
    retention: {
      payloadsAfterMs: env.RETAIN_PAYLOADS,
      addressesAfterMs: env.RETAIN_ADDRESSES,
      keptForMs: env.RETAIN_EVENTS,
    },
    alarms: alarmPolicy(env),
    dns: { servers: env.DNS_SERVERS, looksUpMailServers: env.MAILBOX_PROVIDER_LOOKUP === 'on' },
    dataExport: exportSettings(env),
    publicUrl: env.PUBLIC_URL ?? null,
    endpointAllowedHosts: env.ENDPOINT_ALLOWED_HOSTS,
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
