/** The rooms of src, and which rooms each may import. CONTRIBUTING.md prints this table. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

interface Room {
  readonly holds: string
  readonly imports: readonly string[]
}

/** In the order of the arrows: a room imports only rooms above it. */
export const rooms: Readonly<Record<string, Room>> = {
  errors: { holds: 'errors that cross rooms (one file)', imports: [] },
  'oauth-errors': { holds: 'what the errors of openid-client say (one file)', imports: [] },
  version: { holds: 'the version (one file)', imports: [] },
  domain: {
    holds: 'pure: events, the fold of an email’s lifecycle, escalations, policies, figures',
    imports: [],
  },
  client: { holds: 'the client for applications: fetch only', imports: [] },
  mcp: { holds: 'the server for assistants, through the API', imports: ['version', 'domain', 'client'] },
  http: {
    holds: 'the Koa kit: server, bodies, deadlines, problems, routes as data, OpenAPI, API keys; knows no resource',
    imports: ['domain'],
  },
  db: { holds: 'every SQL statement, by name; one file per table family', imports: ['errors', 'domain'] },
  providers: { holds: 'a folder per provider: entry.ts, webhook.ts, api.ts, sample.ts', imports: ['domain'] },
  domains: {
    holds: 'sending domains: DMARC aggregate reports read from files, SPF, DKIM and DMARC read from DNS',
    imports: ['domain'],
  },
  'environment-formats': { holds: 'the formats of environment variables (one file)', imports: [] },
  'environment-people': {
    holds: 'those of people: sign-in, roles (one file)',
    imports: ['domain', 'environment-formats'],
  },
  'environment-policies': {
    holds: 'those of policies: stalls, retention, alarms (one file)',
    imports: ['environment-formats'],
  },
  'environment-provider-apis': {
    holds: 'those of providers’ APIs (one file)',
    imports: ['environment-formats'],
  },
  'environment-senders': { holds: 'those of mapped senders (one file)', imports: ['environment-formats'] },
  'environment-exports': { holds: 'those of the data export (one file)', imports: ['environment-formats'] },
  'environment-mail': {
    holds: 'those of whole mails and their intake (one file)',
    imports: ['domain', 'environment-formats'],
  },
  'environment-channels': {
    holds: 'those of the team’s channels (one file)',
    imports: ['domain', 'environment-formats'],
  },
  environment: {
    holds: 'all environment variables (one file); docs/configuration.md is generated from it',
    imports: [
      ...['providers', 'environment-formats', 'environment-people', 'environment-policies'],
      ...['environment-exports', 'environment-channels', 'environment-mail', 'environment-senders'],
      'environment-provider-apis',
    ],
  },
  'insecure-settings': {
    holds: 'the settings that are refused unless the operator insists (one file)',
    imports: ['http', 'providers', 'environment-formats'],
  },
  'project-settings': {
    holds: 'what each project may have its own of: providers’ APIs, channels to support (one file)',
    imports: ['domain', 'providers', 'environment', 'insecure-settings'],
  },
  'channel-settings': {
    holds: 'the team’s channels, each from the variables with its name (one file)',
    imports: ['domain', 'environment', 'environment-channels', 'environment-formats', 'insecure-settings'],
  },
  'mail-settings': {
    holds: 'mail intake by SMTP, LMTP and IMAP, from the variables (one file)',
    imports: ['domain', 'environment', 'environment-mail', 'insecure-settings'],
  },
  config: {
    holds: 'the configuration, parsed once (one file)',
    imports: [
      ...['errors', 'domain', 'providers', 'environment-formats', 'environment-people', 'environment-policies'],
      ...['environment-exports', 'environment', 'insecure-settings', 'project-settings', 'channel-settings'],
      'mail-settings',
    ],
  },
  metrics: { holds: 'everything that /metrics answers (one file)', imports: ['domain', 'db'] },
  endpoints: {
    holds: 'webhooks to applications: the payload, the guard against internal addresses, the sender',
    imports: ['version', 'domain', 'db'],
  },
  notifications: {
    holds: 'the channels that notify the team',
    imports: ['errors', 'domain', 'db', 'environment-channels', 'channel-settings', 'config'],
  },
  exports: {
    holds: 'the data export: what an hour has, its files, and where they are written',
    imports: ['domain', 'db'],
  },
  mailboxes: { holds: 'mailboxes on IMAP servers', imports: ['oauth-errors', 'domain', 'mail-settings'] },
  activities: {
    holds: 'verbs, one file per subject, and what they depend on',
    imports: [
      ...[
        'errors',
        'domain',
        'db',
        'providers',
        'mail-settings',
        'metrics',
        'endpoints',
        'notifications',
        'exports',
        'mailboxes',
      ],
    ],
  },
  workflows: {
    holds: 'deterministic: the email, incidents, scheduled jobs, messages',
    imports: ['domain', 'activities'],
  },
  temporal: {
    holds: 'client, worker, search attributes, schedules, deployment',
    imports: ['errors', 'version', 'domain', 'config', 'activities', 'workflows'],
  },
  inbox: {
    holds: 'group commit, relay, in-flight window',
    imports: ['errors', 'domain', 'db', 'metrics', 'temporal'],
  },
  live: { holds: 'the change feed that streams read', imports: ['domain', 'db'] },
  mail: {
    holds: 'whole mails: what bounces, feedback reports and automatic replies say, and of which email; SMTP and LMTP',
    imports: ['errors', 'domain', 'db', 'providers', 'mail-settings', 'metrics', 'inbox'],
  },
  webhooks: {
    holds: 'POST /webhooks/…: verify, parse, append; the hot path alone',
    imports: ['domain', 'http', 'db', 'providers', 'metrics', 'inbox', 'mail'],
  },
  incidents: {
    holds: 'incidents that are raised without Temporal: backlog, refusal, failing workflows',
    imports: ['domain', 'db', 'notifications', 'temporal'],
  },
  suppressions: { holds: 'import and export of the suppression list', imports: ['domain', 'db'] },
  api: {
    holds: '/v1, one file per resource; health and metrics',
    imports: [
      ...['errors', 'domain', 'http', 'db', 'providers', 'metrics', 'endpoints', 'temporal'],
      ...['domains', 'inbox', 'live', 'mail', 'webhooks', 'incidents', 'suppressions'],
    ],
  },
  dashboard: {
    holds: 'the pages for people',
    imports: [
      ...['oauth-errors', 'domain', 'http', 'db', 'providers', 'domains', 'endpoints', 'notifications'],
      ...['temporal', 'inbox', 'live', 'suppressions', 'api'],
    ],
  },
  telemetry: {
    holds: 'traces; loaded only where tracing is on',
    imports: ['version', 'domain', 'http', 'config', 'temporal', 'inbox'],
  },
  embedded: {
    holds: 'PostgreSQL and the Temporal dev server for one machine',
    imports: ['errors', 'providers', 'config', 'temporal'],
  },
  ingest: {
    holds: 'posts what your own mail servers log: followed files, and the forms of their lines',
    imports: ['domain', 'providers'],
  },
  'stand-ins': {
    holds: 'the providers’ own sides in memory: their APIs and webhooks; for tests and the simulator',
    imports: ['domain', 'providers'],
  },
  simulator: {
    holds: 'plays a provider, knows what must come out, compares',
    imports: ['errors', 'domain', 'client', 'providers', 'stand-ins'],
  },
}

/** The composition root may import all rooms; no room imports it. */
export const composition = { folder: 'cli', holds: 'the commands, and the files directly in src that start the system' }

const isCode = (path: string): boolean => /\.tsx?$/.test(path) && !path.includes('/generated/')

/** Paths of all source files, from the root of the project. */
export const sourceFiles = (): string[] =>
  readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
    .map((path) => join('src', path))
    .filter(isCode)

/** `db` for src/db/events.ts, `errors` for src/errors.ts. */
export const roomOf = (path: string): string => path.split('/')[1]?.replace(/\.tsx?$/, '') ?? ''

/** The files of the project that a file imports. */
export const importsOf = (path: string): string[] =>
  [...readFileSync(root + path, 'utf8').matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)].map(([, target = '']) =>
    relative(root, normalize(join(root, dirname(path), target))),
  )

/** The table for CONTRIBUTING.md. */
export const roomsAsMarkdown = (): string => {
  const rows = Object.entries(rooms).map(([name, { holds, imports }]) => {
    const path = existsSync(`${root}src/${name}.ts`) ? `${name}.ts` : `${name}/`
    return `| \`${path}\` | ${holds} | ${imports.join(', ') || '–'} |`
  })
  const last = `| \`${composition.folder}/\`, \`*.ts\` | ${composition.holds} | all |`
  return ['| in `src` | holds | imports |', '| --- | --- | --- |', ...rows, last].join('\n')
}
