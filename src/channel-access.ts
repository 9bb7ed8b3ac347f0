/** The team's channels as the API uses them. */
import type { TeamChannel } from './api/channels.ts'
import type { SlackApp } from './api/slack-interactions.ts'
import type { Config } from './config.ts'
import { NoticeRefusedError, type SupportChannel } from './notifications/channel.ts'
import { SupportUnreachableError } from './notifications/errors.ts'

/** @param created the channels by these settings, among others. */
export const teamChannelsOf = ({ channels }: Config, created: readonly SupportChannel[]): TeamChannel[] =>
  channels.map(({ name, type, routing }) => ({
    ...{ name, type, projects: routing.projects },
    test: () => failureOf(created.find((channel) => channel.name === name)?.sendTest?.()),
  }))

/** The messages of these errors contain no URL, address or secret. */
async function failureOf(sending: Promise<void> | undefined): Promise<string | null> {
  try {
    await sending
    return null
  } catch (error) {
    if (error instanceof NoticeRefusedError || error instanceof SupportUnreachableError) return error.message
    throw error
  }
}

/** The Slack apps with a signing secret, each with what all of its channels take together. */
export function slackAppsOf({ channels }: Config): SlackApp[] {
  const apps = new Map<string, SlackApp>()
  for (const settings of channels) {
    if (settings.type !== 'slack' || !settings.app?.signingSecret) continue
    const { signingSecret, apiUrl } = settings.app
    const { projects } = settings.routing
    const known = apps.get(signingSecret)
    const isOfAll = projects === null || known?.projects === null
    apps.set(signingSecret, {
      ...{ signingSecret, apiUrl },
      projects: isOfAll ? null : new Set([...(known?.projects ?? []), ...projects]),
    })
  }
  return [...apps.values()]
}
