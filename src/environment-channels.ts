/** The environment variables of the team's channels: their names, and what each channel may have. */
import { z } from 'zod'
import { emailEscalationReasons, escalationReasons } from './domain/escalation.ts'
import { incidentReasons } from './domain/incident.ts'
import type { QuietHours } from './domain/notice-routing.ts'
import * as format from './environment-formats.ts'
import { forBoth } from './environment-formats.ts'

export const channelTypes = ['slack', 'teams', 'pagerduty', 'opsgenie', 'webhook', 'email'] as const

/** Names of the channels that SUPPORT_WEBHOOK_URL and SUPPORT_EMAIL make, and of the log. */
const reservedNames: ReadonlySet<string> = new Set(['log', 'webhook', 'email'])

const channelNames = format.list
  .refine(
    (names) => names.every((name) => /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) && name.length <= 32),
    'must be names of up to 32 lower-case letters, digits and single -',
  )
  .refine(
    (names) => !names.some((name) => reservedNames.has(name)),
    'must name channels other than log, webhook and email',
  )
  .refine((names) => new Set(names).size === names.length, 'must name each channel once')
  .meta({ form: 'comma-separated names' })

export const channels = {
  CHANNELS: forBoth(
    channelNames,
    'The team’s channels, such as `oncall,deliverability`. Each has variables of its own: `CHANNEL_ONCALL_TYPE`, `CHANNEL_ONCALL_KEY`.',
    'none',
  ),
}

const namesAmong = (known: readonly string[], shorthands: Readonly<Record<string, readonly string[]>> = {}) =>
  format.list
    .refine(
      (given) => given.every((each) => known.includes(each) || each in shorthands),
      `must be among ${[...Object.keys(shorthands), ...known].join(', ')}`,
    )
    .transform((given) => new Set(given.flatMap((each) => shorthands[each] ?? [each])))

const quietForm = 'must be hours and a time zone, such as 22:00-07:00 Europe/Berlin'

const quietHours = z
  .string()
  .transform((text, issues): QuietHours => {
    const [, from, to, timeZone = ''] = /^(\d\d:\d\d)-(\d\d:\d\d) +(\S+)$/.exec(text.trim()) ?? []
    const [first, last] = [minuteOf(from), minuteOf(to)]
    if (first !== null && last !== null && first !== last && isTimeZone(timeZone)) {
      return { from: first, to: last, timeZone }
    }
    issues.addIssue({ code: 'custom', message: quietForm })
    return z.NEVER
  })
  .meta({ form: '`22:00-07:00 Europe/Berlin`' })

function minuteOf(text = ''): number | null {
  const [hours = 24, minutes = 60] = text.split(':').map(Number)
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : null
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** From a minute to a day: a digest of a longer time would hold what needs an answer. */
const digest = format.durationOrUnset
  .refine((ms) => ms === undefined || (ms >= 60_000 && ms <= 86_400_000), 'must be from 1m to 24h')
  .meta({ form: 'duration from `1m` to `24h`' })

const yes = z.enum(['yes', 'no'], 'must be yes or no').default('no')

/** What each channel may have, in variables that begin with its name: `CHANNEL_ONCALL_TYPE`. */
export const channelVariables = {
  TYPE: forBoth(z.enum(channelTypes, `must be ${channelTypes.join(', ')}`), 'What the channel is.', 'required'),
  URL: forBoth(
    format.httpUrl.optional(),
    'Of `teams` and `webhook`: where to post. Of `slack`: an incoming webhook, whose messages have no buttons and do not change.',
    'required there',
  ),
  TOKEN: forBoth(
    format.text.optional(),
    'Of `slack`: the bot token of the app, `xoxb-…`. It needs the scope `chat:write`.',
  ),
  TO: forBoth(
    format.text.optional(),
    'Of `slack` with a token: the ID of the Slack channel, such as `C0123ABCD`. Of `email`: the address.',
    'required there',
  ),
  SIGNING_SECRET: forBoth(
    format.text.optional(),
    'Of `slack` with a token: the signing secret of the app, which clicks on buttons are verified with. Without it, messages have no buttons.',
  ),
  KEY: forBoth(
    format.text.optional(),
    'Of `pagerduty`: the integration key of Events API v2. Of `opsgenie`: the key of an API integration.',
    'required there',
  ),
  REGION: forBoth(
    z.enum(['us', 'eu'], 'must be us or eu').default('us'),
    'Of `pagerduty` and `opsgenie`: where the account is.',
  ),
  SECRET: forBoth(
    format.signingSecret.optional(),
    'Of `webhook`: the secret that requests are signed with. Create it with `openssl rand -base64 32`.',
    'required there',
  ),
  API_URL: forBoth(
    format.httpUrl.optional(),
    'Of `slack`, `pagerduty` and `opsgenie`: another base URL, such as `https://slack-gov.com/api`.',
    'the service’s',
  ),
  REASONS: forBoth(
    namesAmong(escalationReasons, { emails: emailEscalationReasons, incidents: incidentReasons }).meta({
      form: 'comma-separated reasons, `emails` for all of emails, `incidents` for all of incidents',
    }),
    'The reasons that the channel takes.',
    'all',
  ),
  PRIORITIES: forBoth(
    namesAmong(['critical', 'normal', 'bulk']).meta({ form: 'comma-separated `critical`, `normal`, `bulk`' }),
    'The priorities of emails that the channel takes. Incidents have none, and pass.',
    'all',
  ),
  PROJECTS: forBoth(
    format.list.transform((given) => new Set(given)).meta({ form: 'comma-separated names of projects' }),
    'The projects whose notifications the channel takes.',
    'all',
  ),
  QUIET_HOURS: forBoth(
    quietHours.optional(),
    'What is not urgent is held until their end. Not of `pagerduty` and `opsgenie`, which have schedules of their own.',
  ),
  DIGEST: forBoth(
    digest,
    'What is not urgent is collected for so long, and sent as one message. Not of `pagerduty` and `opsgenie`.',
    'each is sent at once',
  ),
  ADDRESSES: forBoth(yes, 'Whether messages contain addresses and subjects.'),
} as const

export const channelEnvironment = z.object(channelVariables)

/** `on-call` → `CHANNEL_ON_CALL_`. */
export const channelPrefix = (name: string): string => `CHANNEL_${name.toUpperCase().replaceAll('-', '_')}_`
