/** The configured channels to support. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { incidentIn } from '../domain/incident.ts'
import type { SupportChannel } from './channel.ts'
import { createEmailChannel } from './email-channel.ts'
import { createWebhookChannel } from './webhook-channel.ts'

/**
 * The log; the signed webhook and email if they are configured.
 * @throws ConfigurationError if a setting of a channel is not valid.
 */
export function createSupportChannels({ webhook, email }: Config['support'], log: Logger): SupportChannel[] {
  const channels = [createLogChannel(log)]
  if (webhook) channels.push(createWebhookChannel(webhook))
  if (email) channels.push(createEmailChannel(email))
  return channels
}

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
