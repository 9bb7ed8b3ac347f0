/**
 * Notices in Microsoft Teams, as Adaptive Cards to a webhook of the Workflows app. The connectors of Office 365, which had webhooks of their
 * own, are retired (learn.microsoft.com, "Create and send messages with Microsoft 365 Connectors").
 */
import type { NoticeDigest, SupportChannel, SupportNotice } from './channel.ts'
import { addressLines, digestLines, eventLine, headlineOf, remedies, stateLine } from './messages.ts'
import { pageLink } from './page-link.ts'
import { postAndForget, type Receiver } from './post.ts'

export interface TeamsChannelOptions {
  readonly name: string
  /** What the channel's variables begin with. */
  readonly prefix: string
  readonly url: string
  readonly publicUrl: string | null
  /** How long Teams may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number | undefined
}

/** A Workflow answers 202 and posts later; it cannot change what it has posted, so a change of state is a card of its own. */
export function createTeamsChannel({ name, prefix, url, publicUrl, timeoutMs }: TeamsChannelOptions): SupportChannel {
  const receiver: Receiver = { title: 'Teams', settings: `${prefix}URL`, urlSetting: `${prefix}URL`, timeoutMs }
  const post = async (body: readonly object[], link: string | null): Promise<null> => {
    await postAndForget(url, { body: JSON.stringify(messageOf(body, link)) }, receiver)
    return null
  }
  return {
    name,
    send: (notice) => post(noticeBody(notice), pageLink(notice, publicUrl)),
    // That it is open again, the next notice says.
    showState: async (notice) =>
      notice.state === 'open'
        ? null
        : post([title(stateLine(notice)), text(headlineOf(notice))], pageLink(notice, publicUrl)),
    sendDigest: async (digest) =>
      void (await post(digestBody(digest), publicUrl === null ? null : `${publicUrl}/escalations`)),
    sendTest: async () => void (await post([text('This is a test from Aftersend.')], null)),
  }
}

/** Version 1.4 is what Teams shows on computers and phones (learn.microsoft.com, "Types of cards"). */
const messageOf = (body: readonly object[], link: string | null) => ({
  type: 'message',
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive',
      contentUrl: null,
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
        type: 'AdaptiveCard',
        version: '1.4',
        body,
        ...(link !== null && { actions: [{ type: 'Action.OpenUrl', title: 'Open in Aftersend', url: link }] }),
      },
    },
  ],
})

const noticeBody = (notice: SupportNotice): object[] => [
  title(headlineOf(notice)),
  text(eventLine(notice)),
  {
    type: 'FactSet',
    facts: [
      { title: 'State', value: withoutMarkdown(stateLine(notice)) },
      { title: 'Since', value: new Date(notice.openedAt).toISOString() },
      ...addressLines(notice).map(([label, value]) => ({ title: label, value: withoutMarkdown(value) })),
    ],
  },
  ...(notice.state === 'resolved' ? [] : [text(remedies[notice.reason])]),
]

function digestBody(digest: NoticeDigest): object[] {
  const { title: heading, lines } = digestLines(digest)
  return [title(heading), ...lines.map((line) => text(line))]
}

const title = (content: string) => ({ ...text(content), size: 'Medium', weight: 'Bolder' })
const text = (content: string) => ({ type: 'TextBlock', text: withoutMarkdown(content), wrap: true })

/** A text block reads Markdown: what comes from outside must make no link there. */
const withoutMarkdown = (content: string): string => content.replaceAll('[', '(').replaceAll(']', ')')
