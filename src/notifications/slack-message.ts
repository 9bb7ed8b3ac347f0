/**
 * Notices as Slack messages. Limits are those of docs.slack.dev "Block Kit" (header 150 characters, section 3,000, button value 2,000) and
 * of chat.postMessage (text: 4,000 advised).
 */
import type { EscalationState } from '../domain/escalation.ts'
import type { NoticeDigest, SupportNotice } from './channel.ts'
import { addressLines, digestLines, eventLine, headlineOf, remedies, stateLine } from './messages.ts'

export interface SlackMessage {
  /** Of the notification, and for programs that read screens aloud. */
  readonly text: string
  readonly blocks: readonly object[]
}

export interface SlackMessageOptions {
  /** The page of what it is about; null for none. */
  readonly link: string | null
  readonly hasButtons: boolean
}

/** What a button does, after the prefix of its ID. */
type SlackAction = 'acknowledge' | 'snooze' | 'resolve'

const actionPrefix = 'aftersend.'

const buttons: Readonly<Record<SlackAction, string>> = {
  acknowledge: 'Acknowledge',
  snooze: 'Snooze 1 hour',
  resolve: 'Resolve',
}

/** What is left to do, by state. */
const actionsIn: Readonly<Record<EscalationState, readonly SlackAction[]>> = {
  open: ['acknowledge', 'snooze', 'resolve'],
  acknowledged: ['snooze', 'resolve'],
  snoozed: ['acknowledge', 'resolve'],
  resolved: [],
}

/** A notice with its state, and buttons for what can be done about it. */
export function slackMessageOf(notice: SupportNotice, options: SlackMessageOptions): SlackMessage {
  const title = headlineOf(notice)
  const addresses = addressLines(notice)
  return {
    text: plain(`${title} – ${stateLine(notice)}`, 3_000),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(title, 150), emoji: false } },
      section(`*${stateLine(notice)}*`),
      section(eventLine(notice)),
      ...(addresses.length === 0
        ? []
        : [{ type: 'section', fields: addresses.map(([label, value]) => markdown(`*${label}*\n${value}`, 2_000)) }]),
      ...(notice.state === 'resolved' ? [] : [section(`*What to do*\n${remedies[notice.reason]}`)]),
      { type: 'context', elements: [markdown(`Since ${slackTime(notice.openedAt)}`, 2_000, true)] },
      ...actionBlocks(notice, options),
    ],
  }
}

function actionBlocks({ state, escalationId }: SupportNotice, { link, hasButtons }: SlackMessageOptions): object[] {
  const elements = [
    ...(hasButtons ? actionsIn[state] : []).map((action) => ({
      type: 'button',
      action_id: actionPrefix + action,
      text: { type: 'plain_text', text: buttons[action], emoji: false },
      value: escalationId,
      ...(action === 'acknowledge' && { style: 'primary' }),
    })),
    ...(link === null
      ? []
      : [
          {
            type: 'button',
            action_id: `${actionPrefix}open`,
            text: { type: 'plain_text', text: 'Open in Aftersend', emoji: false },
            url: link,
          },
        ]),
  ]
  return elements.length === 0 ? [] : [{ type: 'actions', elements }]
}

/** One line, where the message itself cannot change: of an incoming webhook. */
export function slackChangeOf(notice: SupportNotice): SlackMessage {
  const text = `${headlineOf(notice)} – ${stateLine(notice)}`
  return { text: plain(text, 3_000), blocks: [section(`*${stateLine(notice)}*\n${headlineOf(notice)}`)] }
}

export function slackDigestOf(digest: NoticeDigest, publicUrl: string | null): SlackMessage {
  const { title, lines } = digestLines(digest)
  const elements = [
    {
      type: 'button',
      action_id: `${actionPrefix}open`,
      text: { type: 'plain_text', text: 'Open in Aftersend', emoji: false },
      url: `${publicUrl}/escalations`,
    },
  ]
  return {
    text: title,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title, emoji: false } },
      // One section for each: together they may be longer than a section.
      ...lines.map((line) => section(line)),
      ...(publicUrl === null ? [] : [{ type: 'actions', elements }]),
    ],
  }
}

const section = (text: string) => ({ type: 'section', text: markdown(text, 3_000) })

const markdown = (text: string, length: number, isSafe = false) => ({
  type: 'mrkdwn',
  text: isSafe ? text : plain(text, length),
  // Else Slack would make links and mentions of what looks like them.
  verbatim: true,
})

/** `<` and `>` are replaced by `legible` already (docs.slack.dev "Formatting message text"). */
const plain = (text: string, length: number): string => cut(text.replaceAll('&', '&amp;'), length)

/** In the reader's time zone. */
const slackTime = (at: number): string =>
  `<!date^${Math.floor(at / 1_000)}^{date_short_pretty} {time}|${new Date(at).toISOString()}>`

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)
