/** The environment variables that config.ts reads: format, default and meaning. docs/configuration.md is generated from them. */
import { z } from 'zod'
import { channels } from './environment-channels.ts'
import { dataExport } from './environment-exports.ts'
import * as format from './environment-formats.ts'
import { forApi, forBoth, forEmbedded, forWorker } from './environment-formats.ts'
import { mail } from './environment-mail.ts'
import { people } from './environment-people.ts'
import { alarms, endpoints, lifecycle, mailboxProviders, retention } from './environment-policies.ts'
import { providerApis } from './environment-provider-apis.ts'
import { senders } from './environment-senders.ts'
import { providers } from './providers/registry.ts'

const generated = 'generated with embedded servers, else required'

const secrets = {
  API_KEYS: forApi(
    format.keys,
    'Keys that open `/v1`, `/metrics` and the dashboard. A worker that has them accepts them for its `/metrics`. ' +
      'Create one with `openssl rand -hex 24`.',
    generated,
  ),
  METRICS_KEYS: forBoth(
    format.keys,
    'Keys that open `/metrics` only, for a scraper on another machine. Requests from the same machine need no key.',
  ),
  ERASURE_KEY: forBoth(
    format.erasureKey.optional(),
    'Key of the hash that stands in for the address of an erased person. All processes need the same key; do not change it. ' +
      'Create it with `openssl rand -hex 32`.',
    'generated with embedded servers, else persons cannot be erased',
  ),
  ALLOW_INSECURE: forBoth(
    format.list.meta({ form: 'comma-separated names of variables' }),
    'Variables that you accept although they are insecure: URLs with `http://` to another network, an `SMTP_URL` whose server offers no TLS, and ' +
      'secrets that are too short. Aftersend refuses to start with others.',
    'none',
  ),
}

const servers = {
  DATABASE_URL: forBoth(
    format.postgresUrl.optional(),
    'The PostgreSQL database. Required for `ROLE=api` and `ROLE=worker`.',
    'an embedded PostgreSQL',
  ),
  TEMPORAL_ADDRESS: forBoth(
    format.hostAndPort.optional(),
    'The Temporal frontend. Required for `ROLE=api` and `ROLE=worker`.',
    'an embedded Temporal dev server',
  ),
  TEMPORAL_NAMESPACE: forBoth(format.text.default('default'), 'The Temporal namespace that the workflows run in.'),
  TEMPORAL_UI_URL: forApi(
    format.httpUrl.optional(),
    'The URL at which browsers reach the Temporal Web UI. The dashboard links each email to its workflow there.',
    'the embedded server’s, else no links',
  ),
  WORKER_DEPLOYMENT: forWorker(
    format.deploymentName.optional(),
    'Name of the Worker Deployment for Temporal Worker Versioning. Workflows run on the build that is promoted with ' +
      '`aftersend deployment promote`.',
    'no versioning: workflows run on any worker',
  ),
}

const processes = {
  ROLE: forBoth(
    z.enum(['all', 'api', 'worker'], 'must be all, api or worker').default('all'),
    'What the process runs: the API, a worker, or both. With `all`, the worker runs in a child process.',
  ),
  HOST: forBoth(format.text.default('127.0.0.1'), 'The address to listen on. `0.0.0.0` listens on all addresses.'),
  PORT: forApi(
    format.port,
    'The port of the API. A port that is set and in use is an error.',
    '3000, or the next free port',
  ),
  TRUSTED_PROXY_HOPS: forApi(
    format.wholeNumberOrZero(1),
    'The number of proxies of yours between clients and the API: the client is that entry of `X-Forwarded-For`, counted from the end. The header ' +
      'counts only from a private address. Wrong API keys are limited by client.',
  ),
  WORKER_PORT: forWorker(
    format.port,
    'The port on which `ROLE=worker` serves `/healthz`, `/readyz` and `/metrics`.',
    '3001, or the next free port',
  ),
  LOG_LEVEL: forBoth(
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    'The least severe level that is logged.',
  ),
}

const embedded = {
  DATA_DIR: forEmbedded(
    format.path.default('.aftersend'),
    'The directory for the data of the embedded servers and for generated secrets. The command line finds a running system in it.',
  ),
  TEMPORAL_CLI_PATH: forEmbedded(
    format.path.optional(),
    'The Temporal CLI, which contains the dev server. A download is stored in `XDG_CACHE_HOME`, else in `~/.cache`.',
    'found in `PATH` or among the downloads, else downloaded',
  ),
}

const projects = {
  PROJECTS: forBoth(
    format.projectAccounts,
    'Provider accounts that belong to projects of their own, such as `shop:resend/shop, shop:sendgrid, blog:postmark`. An account is named as in its ' +
      'webhook’s path. All others belong to the project `default`.',
    'one project',
  ),
  PROJECTS_SHARING_SUPPRESSIONS: forBoth(
    format.list.meta({ form: 'comma-separated names of projects' }),
    'Projects without a suppression list of their own: they use that of the project `default`.',
    'none',
  ),
}

const notifications = {
  SUPPORT_WEBHOOK_URL: forBoth(
    format.httpUrl.optional(),
    'Notifications are posted to this URL as JSON, signed by the Standard Webhooks scheme.',
  ),
  SUPPORT_WEBHOOK_SECRET: forBoth(
    format.signingSecret.optional(),
    'The secret that they are signed with. Required with `SUPPORT_WEBHOOK_URL`. Create it with `openssl rand -base64 32`.',
  ),
  SUPPORT_EMAIL: forBoth(format.emailAddress.optional(), 'Notifications are sent to this address.'),
  SMTP_URL: forBoth(
    format.smtpUrl.optional(),
    'The mail server for these notifications. Required with `SUPPORT_EMAIL`.',
  ),
}

const tracing = {
  OTEL_EXPORTER_OTLP_ENDPOINT: forBoth(
    format.httpUrl.optional(),
    'An OpenTelemetry collector that accepts OTLP over HTTP, such as `http://127.0.0.1:4318`.',
    'no tracing',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: forBoth(format.headers, 'Headers of the requests to the collector, such as a key.'),
  OTEL_SERVICE_NAME: forBoth(format.text.default('aftersend'), 'The service name of the spans.'),
  OTEL_TRACES_SAMPLER_ARG: forBoth(format.ratio(1), 'Share of emails that are traced.'),
}

/** Variables that describe the machine; other programs set them. */
const machine = { PATH: z.string().optional(), XDG_CACHE_HOME: z.string().optional() }

export const environment = z.object({
  ...secrets,
  ...people,
  ...servers,
  ...processes,
  ...embedded,
  ...projects,
  ...providerApis,
  ...mail,
  ...senders,
  ...lifecycle,
  ...retention,
  ...alarms,
  ...mailboxProviders,
  ...endpoints,
  ...notifications,
  ...dataExport,
  ...channels,
  ...tracing,
  ...machine,
})

/** The variables by subject, in the order in which docs/configuration.md and .env.example list them. */
export const settingGroups = {
  secrets,
  people,
  servers,
  processes,
  embedded,
  projects,
  providerApis,
  mail,
  senders,
  lifecycle,
  retention,
  alarms,
  mailboxProviders,
  endpoints,
  notifications,
  dataExport,
  channels,
  tracing,
}

/** What each project may have its own of, in variables with its name after theirs: `RESEND_API_KEY_SHOP`. */
export const projectEnvironment = z.object({ ...providerApis, ...notifications })

/** The names of all variables of ours. */
export const settingNames: readonly string[] = [
  ...Object.keys(environment.shape).filter((name) => !(name in machine)),
  ...providers.map(({ variable }) => variable),
]

export type Environment = z.infer<typeof environment>
