/** The team's channels, each from the variables that begin with its name: `CHANNEL_ONCALL_TYPE`. */
import type { z } from 'zod'
import type { NoticeRouting } from './domain/notice-routing.ts'
import { projectNames } from './domain/project.ts'
import { environment } from './environment.ts'
import { channelEnvironment, channelPrefix, type channelTypes, channelVariables } from './environment-channels.ts'
import { emailAddress, smtpUrl } from './environment-formats.ts'
import { isPlainTo, requiresTls } from './insecure-settings.ts'

interface Common {
  readonly name: string
  readonly routing: NoticeRouting
  /** Whether messages contain addresses and subjects. */
  readonly addresses: boolean
}

export interface SlackAppSettings {
  readonly token: string
  /** The ID of the Slack channel. */
  readonly to: string
  /** Null: messages have no buttons. */
  readonly signingSecret: string | null
  readonly apiUrl: string
}

export type ChannelSettings = Common &
  (
    | { readonly type: 'slack'; readonly app: SlackAppSettings | null; readonly url: string | null }
    | { readonly type: 'teams'; readonly url: string }
    | { readonly type: 'pagerduty' | 'opsgenie'; readonly key: string; readonly apiUrl: string }
    | { readonly type: 'webhook'; readonly url: string; readonly secret: string }
    | { readonly type: 'email'; readonly to: string; readonly smtpUrl: string; readonly requiresTls: boolean }
  )

type Given = Readonly<Record<string, string | undefined>>
type ChannelType = (typeof channelTypes)[number]
type ChannelVariables = z.infer<typeof channelEnvironment>
type VariableName = keyof typeof channelVariables

/** Which of the variables that depend on the type each type needs, and which it may have. */
const ofType: Readonly<Record<ChannelType, { needs: readonly VariableName[]; may: readonly VariableName[] }>> = {
  slack: { needs: [], may: ['URL', 'TOKEN', 'TO', 'SIGNING_SECRET', 'API_URL', 'QUIET_HOURS', 'DIGEST'] },
  teams: { needs: ['URL'], may: ['QUIET_HOURS', 'DIGEST'] },
  pagerduty: { needs: ['KEY'], may: ['REGION', 'API_URL'] },
  opsgenie: { needs: ['KEY'], may: ['REGION', 'API_URL'] },
  webhook: { needs: ['URL', 'SECRET'], may: ['QUIET_HOURS', 'DIGEST'] },
  email: { needs: ['TO'], may: ['QUIET_HOURS', 'DIGEST'] },
}

const ofAll: readonly VariableName[] = ['TYPE', 'REASONS', 'PRIORITIES', 'PROJECTS', 'ADDRESSES']

/** The services, by region. Sources: developer.pagerduty.com "Events API v2 Overview", docs.opsgenie.com "API Overview". */
const services = {
  pagerduty: { us: 'https://events.pagerduty.com', eu: 'https://events.eu.pagerduty.com' },
  opsgenie: { us: 'https://api.opsgenie.com', eu: 'https://api.eu.opsgenie.com' },
} as const

const slackApi = 'https://slack.com/api'

/**
 * Reads all channels.
 * @returns one sentence for each variable that is not valid, missing, or of no channel, without its value.
 */
export function readChannels(given: Given): { channels: ChannelSettings[]; errors: string[] } {
  const variables = environment.pick({ CHANNELS: true, PROJECTS: true, ALLOW_INSECURE: true })
  // What is wrong with these is reported with the other variables.
  const {
    CHANNELS: names = [],
    PROJECTS: accounts,
    ALLOW_INSECURE: insisted = [],
  } = variables.safeParse(given).data ?? {}
  const projects = projectNames({ accounts: accounts ?? new Map() })
  const channels: ChannelSettings[] = []
  const errors = strangers(given, names)
  for (const name of names) {
    const prefix = channelPrefix(name)
    const own = Object.fromEntries(Object.keys(channelVariables).map((each) => [each, given[prefix + each]]))
    const parsed = channelEnvironment.safeParse(own)
    const found = [
      ...(parsed.error?.issues ?? []).map(({ path, message }) => `${prefix}${path.join('.')} ${message}`),
      ...(parsed.success ? conflicts(parsed.data, own, given, prefix) : []),
      ...[...(parsed.data?.PROJECTS ?? [])]
        .filter((project) => !projects.includes(project))
        .map((project) => `${prefix}PROJECTS names ${project}, which PROJECTS does not`),
      ...plainUrls(own, prefix, insisted),
    ]
    errors.push(...found)
    if (parsed.success && found.length === 0) channels.push(settingsOf(name, parsed.data, given, insisted))
  }
  return { channels, errors }
}

/** Variables that begin as a channel's do, and that no channel reads: a name is mistyped. */
function strangers(given: Given, names: readonly string[]): string[] {
  if (names.length === 0) return []
  const known = new Set(
    names.flatMap((name) => Object.keys(channelVariables).map((each) => channelPrefix(name) + each)),
  )
  return Object.keys(given)
    .filter((variable) => variable.startsWith('CHANNEL_') && !known.has(variable))
    .map((variable) => `${variable} is of no channel that CHANNELS names, or no setting of channels`)
}

/** What the type needs and is not set, and what is set and the type does not have. */
function conflicts(parsed: ChannelVariables, own: Given, given: Given, prefix: string): string[] {
  const { needs, may } = ofType[parsed.TYPE]
  const allowed = new Set<string>([...ofAll, ...needs, ...may])
  return [
    ...needs.filter((each) => !own[each]).map((each) => `${prefix}${each} is missing: ${parsed.TYPE} requires it`),
    ...Object.keys(own)
      .filter((each) => own[each] && !allowed.has(each))
      .map((each) => `${prefix}${each} is not for ${parsed.TYPE}`),
    ...(parsed.TYPE === 'slack' ? slackConflicts(own, prefix) : []),
    ...(parsed.TYPE === 'email' ? emailConflicts(own, given, prefix) : []),
  ]
}

function slackConflicts(own: Given, prefix: string): string[] {
  if (own['URL']) {
    const others = ['TOKEN', 'TO', 'SIGNING_SECRET', 'API_URL'].filter((each) => own[each])
    return others.map(
      (each) => `${prefix}${each} is of the Slack app, and ${prefix}URL of an incoming webhook: set one of them`,
    )
  }
  return ['TOKEN', 'TO']
    .filter((each) => !own[each])
    .map((each) => `${prefix}${each} is missing: slack requires ${prefix}TOKEN and ${prefix}TO, or ${prefix}URL alone`)
}

function emailConflicts(own: Given, given: Given, prefix: string): string[] {
  return [
    ...(own['TO'] && !emailAddress.safeParse(own['TO']).success ? [`${prefix}TO must be an email address`] : []),
    ...(given['SMTP_URL'] ? [] : [`SMTP_URL is missing: it sends the emails to ${prefix}TO`]),
  ]
}

const plainUrls = (own: Given, prefix: string, insisted: readonly string[]): string[] =>
  ['URL', 'API_URL']
    .filter((each) => isPlainTo('http:', own[each]) && !insisted.includes(prefix + each))
    .map(
      (each) => `${prefix}${each} must be an https:// URL, since it gets notifications, or be named in ALLOW_INSECURE`,
    )

function settingsOf(name: string, env: ChannelVariables, given: Given, insisted: readonly string[]): ChannelSettings {
  const common = { name, routing: routingOf(env), addresses: env.ADDRESSES === 'yes' }
  const { TYPE: type, URL: url = '', TO: to = '', KEY: key = '', SECRET: secret = '' } = env
  switch (type) {
    case 'slack':
      return { ...common, type, ...(url === '' ? { app: slackAppOf(env), url: null } : { app: null, url }) }
    case 'teams':
      return { ...common, type, url }
    case 'pagerduty':
    case 'opsgenie':
      return { ...common, type, key, apiUrl: withoutSlash(env.API_URL ?? services[type][env.REGION]) }
    case 'webhook':
      return { ...common, type, url, secret }
    case 'email': {
      const server = smtpUrl.safeParse(given['SMTP_URL']).data ?? ''
      return { ...common, type, to, smtpUrl: server, requiresTls: requiresTls(server, insisted) }
    }
  }
}

const slackAppOf = ({
  TOKEN: token = '',
  TO: to = '',
  SIGNING_SECRET,
  API_URL,
}: ChannelVariables): SlackAppSettings => ({
  ...{ token, to },
  signingSecret: SIGNING_SECRET ?? null,
  apiUrl: withoutSlash(API_URL ?? slackApi),
})

const routingOf = (env: ChannelVariables): NoticeRouting => ({
  reasons: orNoLimit(env.REASONS),
  priorities: orNoLimit(env.PRIORITIES) as NoticeRouting['priorities'],
  projects: orNoLimit(env.PROJECTS),
  quietHours: env.QUIET_HOURS ?? null,
  digestMs: env.DIGEST ?? null,
})

const orNoLimit = (names: ReadonlySet<string>): ReadonlySet<string> | null => (names.size === 0 ? null : names)

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
