/** The ways in which support is told, as the configuration says. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { incidentIn } from '../domain/incident.ts'
import { createEmailChannel } from './email-channel.ts'
import type { SupportChannel } from './support.ts'
import { createWebhookChannel } from './webhook-channel.ts'

/**
 * The log always; the signed webhook and email where they are configured.
 * @throws ConfigurationError when a configured channel cannot work.
 */
export function createSupportChannels({ webhook, email }: Config['support'], log: Logger): SupportChannel[] {
  const channels = [createLogChannel(log)]
  if (webhook) channels.push(createWebhookChannel(webhook))
  if (email) channels.push(createEmailChannel(email))
  return channels
}

/** One line a notice: IDs, reason and priority, never an address or a subject. */
export function createLogChannel(log: Logger): SupportChannel {
  return {
    name: 'log',
    async tell({ escalationId, emailId, provider, reason, priority, notice }) {
      log.warn(
        { escalationId, emailId, provider, reason, priority, notice },
        incidentIn({ provider, emailId }) ? 'sending wants support' : 'an email wants support',
      )
    },
  }
}
