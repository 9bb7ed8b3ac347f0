/** Notices in Slack: by the app, whose messages have buttons and change with the escalation, or by an incoming webhook. */
import { z } from 'zod'
import type { SlackAppSettings } from '../channel-settings.ts'
import { type MessageReference, NoticeRefusedError, type SupportChannel } from './channel.ts'
import { SupportUnreachableError } from './errors.ts'
import { pageLink } from './page-link.ts'
import { postAndForget, postJson, type Receiver } from './post.ts'
import { type SlackMessage, slackChangeOf, slackDigestOf, slackMessageOf } from './slack-message.ts'

export interface SlackChannelOptions {
  readonly name: string
  /** What the channel's variables begin with. */
  readonly prefix: string
  readonly publicUrl: string | null
  /** How long Slack may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number | undefined
}

const testMessage: SlackMessage = {
  text: 'This is a test from Aftersend.',
  blocks: [{ type: 'section', text: { type: 'plain_text', text: 'This is a test from Aftersend.', emoji: false } }],
}

/**
 * Posts by chat.postMessage and changes the message by chat.update (docs.slack.dev "Web API"). A further notice is a reply to the first
 * message that the Slack channel sees too. If the worker stops between Slack's answer and our record of it, the message is posted twice:
 * Slack has no idempotency key.
 */
export function createSlackAppChannel(app: SlackAppSettings, options: SlackChannelOptions): SupportChannel {
  const { name, publicUrl } = options
  const receiver: Receiver = {
    title: 'Slack',
    settings: `${options.prefix}TOKEN and ${options.prefix}TO`,
    urlSetting: `${options.prefix}API_URL`,
    timeoutMs: options.timeoutMs,
  }
  const call = (method: string, body: object) => callSlack(app, method, body, receiver)
  const post = (message: SlackMessage, more: object = {}) =>
    call('chat.postMessage', { channel: app.to, ...message, ...more, unfurl_links: false, unfurl_media: false })
  const messageOf = (notice: Parameters<SupportChannel['send']>[0]) =>
    slackMessageOf(notice, { link: pageLink(notice, publicUrl), hasButtons: app.signingSecret !== null })
  const update = async (notice: Parameters<SupportChannel['send']>[0], reference: MessageReference) => {
    const [channel, ts] = reference?.split(' ') ?? []
    if (channel !== undefined && ts !== undefined) await call('chat.update', { channel, ts, ...messageOf(notice) })
    return reference
  }
  return {
    name,
    async send(notice, first = null) {
      if (first === null) {
        const { channel, ts } = await post(messageOf(notice))
        return channel === undefined || ts === undefined ? null : `${channel} ${ts}`
      }
      await update(notice, first)
      await post(slackChangeOf(notice), { thread_ts: first.split(' ')[1], reply_broadcast: true })
      return first
    },
    showState: update,
    sendDigest: async (digest) => void (await post(slackDigestOf(digest, publicUrl))),
    sendTest: async () => void (await post(testMessage)),
    check: async () => void (await call('auth.test', {})),
  }
}

/** docs.slack.dev "Sending messages using incoming webhooks": they can post, and nothing else. */
export function createSlackWebhookChannel(url: string, options: SlackChannelOptions): SupportChannel {
  const { name, publicUrl, timeoutMs } = options
  const urlSetting = `${options.prefix}URL`
  const receiver: Receiver = { title: 'Slack', settings: urlSetting, urlSetting, timeoutMs }
  const post = async (message: SlackMessage): Promise<null> => {
    await postAndForget(url, { body: JSON.stringify(message) }, receiver)
    return null
  }
  return {
    name,
    send: (notice) => post(slackMessageOf(notice, { link: pageLink(notice, publicUrl), hasButtons: false })),
    // That it is open again, the next notice says.
    showState: async (notice) => (notice.state === 'open' ? null : post(slackChangeOf(notice))),
    sendDigest: async (digest) => void (await post(slackDigestOf(digest, publicUrl))),
    sendTest: async () => void (await post(testMessage)),
  }
}

const slackAnswer = z.object({
  ok: z.boolean(),
  error: z.string().max(100).optional(),
  channel: z.string().optional(),
  ts: z.string().optional(),
})

/** Errors after which a retry may help (docs.slack.dev, errors of chat.postMessage); all others are final. */
const passingErrors: ReadonlySet<string> = new Set([
  ...['ratelimited', 'rate_limited', 'message_limit_exceeded', 'internal_error', 'fatal_error', 'service_unavailable'],
  ...['request_timeout', 'team_added_to_org', 'accesslimited'],
])

async function callSlack({ token, apiUrl }: SlackAppSettings, method: string, content: object, receiver: Receiver) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' }
  const response = await postJson(`${apiUrl}/${method}`, { headers, body: JSON.stringify(content) }, receiver)
  const answer = slackAnswer.safeParse(await response.json().catch(() => null)).data
  if (answer?.ok) return answer
  const error = /^[a-z_]+$/.test(answer?.error ?? '') ? answer?.error : 'no reason'
  if (answer === undefined || passingErrors.has(answer.error ?? '')) {
    throw new SupportUnreachableError(`Slack did not execute ${method} (${error})`)
  }
  throw new NoticeRefusedError(`Slack refused ${method} (${error}): check ${receiver.settings}`)
}
