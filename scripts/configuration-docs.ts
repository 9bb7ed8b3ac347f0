/**
 * `npm run docs:configuration`: writes docs/configuration.md and .env.example. What they say of a variable stands beside it in
 * src/environment.ts; test/config.test.ts fails when either file differs from what is generated here.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { settingGroups } from '../src/environment.ts'
import { channelVariables } from '../src/environment-channels.ts'
import type { Role } from '../src/environment-formats.ts'
import { mappingsSchema } from '../src/providers/mapped/mapping.ts'
import { providers } from '../src/providers/registry.ts'

interface Variable {
  readonly name: string
  readonly description: string
  /** How a value is written. */
  readonly form: string
  /** Null where the variable has no default. */
  readonly fallback: string | null
  /** What holds where the variable is not set. */
  readonly unset: string
  /** Empty for variables that Aftersend itself does not read. */
  readonly roles: readonly Role[]
}

interface Section {
  readonly title: string
  readonly intro: readonly string[]
  readonly variables: readonly Variable[]
  /** Variables whose names have a part of the reader's own: on the page, and not in .env.example. */
  readonly named?: { readonly intro: string; readonly variables: readonly Variable[] }
}

/** What the JSON Schema of a variable says, with what environment.ts and environment-formats.ts add. */
interface Described {
  readonly description: string
  readonly roles: readonly Role[]
  readonly unset?: string
  readonly form?: string
  readonly enum?: readonly string[]
  readonly default?: string | number
  readonly anyOf?: readonly Described[]
}

const variablesOf = (group: Record<string, z.ZodType>): Variable[] =>
  Object.entries(group).map(([name, schema]) => {
    const described = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as Described
    const fallback = [described, ...(described.anyOf ?? [])].find((one) => one.default !== undefined)?.default
    return {
      name,
      description: described.description,
      form: described.form ?? described.enum?.map(code).join(', ') ?? 'text',
      fallback: fallback === undefined || fallback === '' ? null : String(fallback),
      unset: described.unset ?? 'none',
      roles: described.roles,
    }
  })

/** With a slash at its end. */
const root = fileURLToPath(new URL('..', import.meta.url))

const code = (text: string) => `\`${text}\``

const webhookSecrets: readonly Variable[] = providers.map(({ title, variable, requirement }) => ({
  name: variable,
  description: `Secrets that webhooks of ${title} are verified with.`,
  form: requirement,
  fallback: null,
  unset: 'generated with embedded servers, else none',
  roles: ['api'],
}))

/** docker-compose.yml reads them for servers that are not ours. */
const composeSecrets: readonly Variable[] = [
  ['DATABASE_PASSWORD', 'The password of the role of `api` and `worker` in PostgreSQL, which owns no table.'] as const,
  ['DATABASE_OWNER_PASSWORD', 'The password of the role that owns the tables; only `migrate` uses it.'] as const,
  ['TEMPORAL_DATABASE_PASSWORD', 'The password of the Temporal role in PostgreSQL.'] as const,
].map(([name, description]) => ({
  name,
  description,
  form: 'letters and digits',
  fallback: null,
  unset: 'required by Docker Compose',
  roles: [],
}))

const sections: readonly Section[] = [
  {
    title: 'Secrets',
    intro: [
      'Where no server is embedded, the API needs `API_KEYS` and the webhook secret of at least one provider; a provider ' +
        'without a secret has no endpoint. With an embedded server, missing secrets are generated and stored in `DATA_DIR`.',
      'Except `ERASURE_KEY`, a variable may hold several secrets with commas between. Each of them is accepted, so that a ' +
        'secret can be replaced without downtime.',
      'A further account of a provider has a variable of its own: `RESEND_WEBHOOK_SECRET_EU` is for `/webhooks/resend/eu`. ' +
        'See [where each provider shows its secret](providers.md).',
    ],
    variables: [...webhookSecrets, ...variablesOf(settingGroups.secrets)],
  },
  {
    title: 'People',
    intro: ['See [how people sign in, and what each role may do](people.md).'],
    variables: variablesOf(settingGroups.people),
  },
  {
    title: 'Docker Compose',
    intro: [
      'Only `docker-compose.yml` reads these variables, for the roles of its PostgreSQL. A password becomes part of a URL: ' +
        'create it with `openssl rand -hex 24`.',
    ],
    variables: composeSecrets,
  },
  {
    title: 'Processes',
    intro: [],
    variables: variablesOf(settingGroups.processes),
  },
  {
    title: 'Servers',
    intro: [
      'TLS and credentials for Temporal are set by the variables that all Temporal tools share, such as `TEMPORAL_API_KEY`, ' +
        '`TEMPORAL_TLS`, `TEMPORAL_TLS_CLIENT_CERT_PATH` and `TEMPORAL_TLS_CLIENT_KEY_PATH`: see ' +
        '<https://docs.temporal.io/references/client-environment-configuration>. For `WORKER_DEPLOYMENT`, see ' +
        '[upgrading](upgrading.md).',
    ],
    variables: variablesOf(settingGroups.servers),
  },
  {
    title: 'Embedded servers',
    intro: [],
    variables: variablesOf(settingGroups.embedded),
  },
  {
    title: 'Senders of your own',
    intro: ['See [the form of the file](own-senders.md). Docker Compose must mount it into `api`.'],
    variables: variablesOf(settingGroups.senders),
  },
  {
    title: 'Projects',
    intro: [
      '[Projects](projects.md) says what a project has of its own. Its own settings have its name at their end: `RESEND_API_KEY_SHOP`.',
    ],
    variables: variablesOf(settingGroups.projects),
  },
  {
    title: 'Provider APIs',
    intro: [],
    variables: variablesOf(settingGroups.providerApis),
  },
  {
    title: 'Whole mails',
    intro: [
      'Bounces, feedback reports and automatic replies that mail servers pass on: [mail](mail.md), by [SMTP, LMTP and IMAP](mail-intake.md).',
      'A further account has variables of its own, with its name at their end: `MAIL_RECIPIENTS_SHOP`, `MAIL_IMAP_URL_SHOP`, ' +
        '`MAIL_IMAP_OAUTH_…_SHOP` and `MAIL_IMAP_AFTER_SHOP` are of the account `mail/shop`. `docker-compose.yml` passes on those that you add to it.',
    ],
    variables: variablesOf(settingGroups.mail),
  },
  {
    title: 'Email lifecycle',
    intro: [
      'The workflow of an email keeps the durations that were in force when it started: `STALL_AFTER_…`, ' +
        '`ESCALATION_REPEAT_AFTER`, `LINGER_AFTER_SETTLED` and `GIVE_UP_AFTER`. Set them to the same values for the API and ' +
        'for workers, since both start workflows.',
    ],
    variables: variablesOf(settingGroups.lifecycle),
  },
  {
    title: 'Retention',
    intro: ['See [what is stored about persons](privacy.md) and [events by month](operations.md#events-by-month).'],
    variables: variablesOf(settingGroups.retention),
  },
  {
    title: 'Alarms',
    intro: ['See [which incidents there are](notifications.md#incidents).'],
    variables: variablesOf(settingGroups.alarms),
  },
  {
    title: 'Mailbox providers',
    intro: ['See [how they are found](failures.md#mailbox-providers).'],
    variables: variablesOf(settingGroups.mailboxProviders),
  },
  {
    title: 'Webhooks to applications',
    intro: ['See [which targets are refused](webhooks-to-applications.md#internal-targets).'],
    variables: variablesOf(settingGroups.endpoints),
  },
  {
    title: 'Notifications',
    intro: [
      'Where notifications of escalations and incidents are sent. The API sends those of incidents about the system itself, a ' +
        'worker all others. See [what they contain](notifications.md).',
    ],
    variables: variablesOf(settingGroups.notifications),
  },
  {
    title: 'Data export',
    intro: [
      'See [what is exported, and how it is read](data-export.md). `aftersend export` reads these variables too.',
    ],
    variables: variablesOf(settingGroups.dataExport),
  },
  {
    title: 'Channels',
    intro: ['Where the team is notified besides: see [how each is set up](notifications.md#set-up-a-channel).'],
    variables: variablesOf(settingGroups.channels),
    named: {
      intro:
        'Each channel has these variables, with its name in place of `<NAME>`: `on-call` has `CHANNEL_ON_CALL_TYPE`. API and workers need the same, and ' +
        '`docker-compose.yml` passes on those that you add to both.',
      variables: variablesOf(
        Object.fromEntries(
          Object.entries(channelVariables).map(([name, schema]) => [`CHANNEL_<NAME>_${name}`, schema]),
        ),
      ),
    },
  },
  {
    title: 'Tracing',
    intro: ['See [what a trace contains](observability.md#traces).'],
    variables: variablesOf(settingGroups.tracing),
  },
]

/** The roles that read each variable. */
export const settingRoles: ReadonlyMap<string, readonly Role[]> = new Map(
  sections.flatMap(({ variables }) => variables.map(({ name, roles }) => [name, roles] as const)),
)

const cell = (text: string) => text.replaceAll('|', '\\|')

const row = ({ name, form, fallback, unset, roles, description }: Variable) =>
  `| ${[code(name), form, fallback === null ? unset : code(fallback), roles.map(code).join(', '), description].map(cell).join(' | ')} |`

const tableOf = ({ title, intro, variables, named }: Section) => `## ${title}

${intro.map((paragraph) => `${paragraph}\n\n`).join('')}${rowsOf(variables)}${named ? `\n${named.intro}\n\n${rowsOf(named.variables)}` : ''}`

const rowsOf = (variables: readonly Variable[]) => `| variable | format | default | role | meaning |
| --- | --- | --- | --- | --- |
${variables.map(row).join('\n')}
`

/** docs/configuration.md. */
export const configurationPage = (): string => `# Configuration

<!-- Generated from src/environment.ts by \`npm run docs:configuration\`: edit that file, not this one. -->

Aftersend reads environment variables when it starts. \`npm start\` needs none of them.

- The \`npm run\` commands and Docker Compose also read the file \`.env\` beside \`package.json\`; the environment takes precedence.
  [.env.example](../.env.example) lists every variable. \`node dist/main.js\` reads the file with
  \`node --env-file=.env dist/main.js\`; \`npm test\` does not read it.
- An empty variable counts as unset.
- A process whose configuration is invalid reports every error and exits.
- A duration is a number and a unit: \`500ms\`, \`3s\`, \`10m\`, \`4h\`, \`14d\`.
- **Role** is the value of \`ROLE\` with which a process reads the variable. \`ROLE=all\` reads every variable; \`all\` stands
  beside variables for embedded servers, which no other role starts.

${sections.map(tableOf).join('\n')}`

/** .env.example: every variable in a comment, with its default. */
export const envExample = (): string => `${comment(
  'All variables, each with its default behind it. Copy this file to .env and remove the # where your value differs. npm start ' +
    'needs none of them. An empty value counts as unset. Durations: 500ms, 3s, 10m, 4h, 14d.',
)}
${comment('Generated from src/environment.ts by npm run docs:configuration: edit that file, not this one.')}

${sections.map(linesOf).join('\n')}`

/** docs/own-senders.schema.json, for editors. */
export const mappingsSchemaText = (): string => `${JSON.stringify(mappingsSchema(), null, 2)}\n`

const linesOf = ({ title, intro, variables }: Section) => `# --- ${title} ---
${[...intro.map(comment), ...variables.map(assignment)].join('\n\n')}
`

function assignment({ name, description, form, fallback, unset }: Variable) {
  const isListed = form.startsWith('`') && form.includes(', ')
  const format = isListed ? ` One of ${form}.` : fallback === null && form !== 'text' ? ` Format: ${form}.` : ''
  const without = fallback === null && unset !== 'none' ? ` Unset: ${unset}.` : ''
  return `${comment(`${description}${format}${without}`)}\n# ${name}=${fallback ?? ''}`
}

const commentWidth = 118

/** Markdown as plain text behind `# `, wrapped. */
function comment(markdown: string): string {
  const text = markdown.replace(/\[([^\]]+)\]\(([^)#]+)[^)]*\)/g, '$1 (docs/$2)').replace(/[`<>]/g, '')
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length >= commentWidth) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.map((line) => `# ${line}`).join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(`${root}docs/configuration.md`, configurationPage())
  writeFileSync(`${root}.env.example`, envExample())
  writeFileSync(`${root}docs/own-senders.schema.json`, mappingsSchemaText())
}
