/** The channels of CHANNELS, by their settings. */
import type { ChannelSettings } from '../channel-settings.ts'
import { channelPrefix } from '../environment-channels.ts'
import type { SupportChannel, SupportNotice } from './channel.ts'
import { createEmailChannel } from './email-channel.ts'
import { createOpsgenieChannel } from './opsgenie-channel.ts'
import { createPagerDutyChannel } from './pagerduty-channel.ts'
import { createSlackAppChannel, createSlackWebhookChannel } from './slack-channel.ts'
import { createTeamsChannel } from './teams-channel.ts'
import { createWebhookChannel } from './webhook-channel.ts'

/**
 * @param publicUrl where browsers reach the dashboard; null: messages have no links.
 * @throws ConfigurationError if a setting of a channel is not valid.
 */
export const createTeamChannels = (channels: readonly ChannelSettings[], publicUrl: string | null): SupportChannel[] =>
  channels.map((settings) => {
    const channel = { ...createChannel(settings, publicUrl), routing: settings.routing }
    return settings.addresses ? channel : withoutAddresses(channel)
  })

function createChannel(settings: ChannelSettings, publicUrl: string | null): SupportChannel {
  const { name } = settings
  const common = { name, prefix: channelPrefix(name), publicUrl }
  switch (settings.type) {
    case 'slack':
      return settings.app
        ? createSlackAppChannel(settings.app, common)
        : createSlackWebhookChannel(settings.url ?? '', common)
    case 'teams':
      return createTeamsChannel({ ...common, url: settings.url })
    case 'pagerduty':
      return createPagerDutyChannel({ ...common, key: settings.key, apiUrl: settings.apiUrl })
    case 'opsgenie':
      return createOpsgenieChannel({ ...common, key: settings.key, apiUrl: settings.apiUrl })
    case 'webhook':
      return createWebhookChannel({ url: settings.url, secret: settings.secret, named: common })
    case 'email':
      return createEmailChannel({ ...settings, named: { name, variable: `${common.prefix}TO` } })
  }
}

/** Takes recipients and subject out before the channel sees them, so that none can show them by mistake. */
function withoutAddresses(channel: SupportChannel): SupportChannel {
  const { send, showState, sendDigest } = channel
  return {
    ...channel,
    send: (notice, first) => send(cleared(notice), first),
    ...(showState && { showState: (notice, reference) => showState(cleared(notice), reference) }),
    ...(sendDigest && { sendDigest: (digest) => sendDigest({ ...digest, notices: digest.notices.map(cleared) }) }),
  }
}

const cleared = (notice: SupportNotice): SupportNotice => ({
  ...notice,
  recipients: [],
  subject: null,
  isWithoutAddresses: true,
})
