/** The configured channels to support. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { incidentIn } from '../domain/incident.ts'
import { defaultProject, projectOf } from '../domain/project.ts'
import type { SupportChannel } from './channel.ts'
import { createEmailChannel } from './email-channel.ts'
import { createTeamChannels } from './team-channels.ts'
import { createWebhookChannel } from './webhook-channel.ts'

/**
 * The log; the signed webhook and email if they are configured for any project; the team's own channels. Webhook and email send a notice
 * about an email to the support of the email's project, and all others to that of the default project, to which a project without channels
 * of its own belongs too.
 * @throws ConfigurationError if a setting of a channel is not valid.
 */
export function createSupportChannels(
  { support, projects, channels, publicUrl }: Pick<Config, 'support' | 'projects' | 'channels' | 'publicUrl'>,
  log: Logger,
): SupportChannel[] {
  const settings = new Map<string, Pick<Config, 'support'>>([[defaultProject, { support }], ...projects.settings])
  const owners = new Map<string, readonly SupportChannel[]>()
  for (const [project, { support: own }] of settings) {
    const supports = channelsOf(own)
    if (supports.length > 0 || project === defaultProject) owners.set(project, supports)
  }
  const ownersOf = (provider: string) => owners.get(projectOf(provider)) ?? owners.get(defaultProject) ?? []
  const names = new Set([...owners.values()].flatMap((channels) => channels.map(({ name }) => name)))
  const routed = [...names].map(
    (name): SupportChannel => ({
      name,
      // A project that has no such channel has another one.
      send: async (notice, first) =>
        ownersOf(notice.provider)
          .find((channel) => channel.name === name)
          ?.send(notice, first),
    }),
  )
  return [createLogChannel(log), ...routed, ...createTeamChannels(channels, publicUrl)]
}

const channelsOf = ({ webhook, email }: Config['support']): SupportChannel[] => [
  ...(webhook ? [createWebhookChannel(webhook)] : []),
  ...(email ? [createEmailChannel(email)] : []),
]

/** One line per notice: IDs, reason and priority, never an address or a subject. */
export function createLogChannel(log: Logger): SupportChannel {
  return {
    name: 'log',
    async send({ escalationId, emailId, provider, reason, priority, notice }) {
      log.warn(
        { escalationId, emailId, provider, reason, priority, notice },
        incidentIn({ provider, emailId }) ? 'an incident needs attention' : 'an email needs attention',
      )
    },
  }
}
