/**
 * Slack as docs.slack.dev describes it: chat.postMessage, chat.update and auth.test of the Web API, incoming webhooks, the limits of Block Kit,
 * and signed interactions with a response_url.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { slackSignature } from '../../src/api/slack-signature.ts'
import { type StandInAnswer, type StandInRequest, startStandInServer } from '../../src/stand-ins/server.ts'

const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() })

/** Nothing in angle brackets but what we mean: a mention or a link from outside would be one. */
const markdown = (max: number) =>
  z.strictObject({
    type: z.literal('mrkdwn'),
    text: z
      .string()
      .min(1)
      .max(max)
      .refine((text) => !/<(?!!date\^)/.test(text) && !/&(?!amp;)/.test(text), 'must be escaped'),
    verbatim: z.boolean().optional(),
  })

const button = z.strictObject({
  type: z.literal('button'),
  action_id: z.string().min(1).max(255),
  text: plainText(75),
  value: z.string().max(2_000).optional(),
  url: z.url().max(3_000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
})

const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), text: plainText(150) }),
  z
    .strictObject({
      type: z.literal('section'),
      text: markdown(3_000).or(plainText(3_000)).optional(),
      fields: z.array(markdown(2_000)).min(1).max(10).optional(),
    })
    .refine(({ text, fields }) => text !== undefined || fields !== undefined),
  z.strictObject({ type: z.literal('context'), elements: z.array(markdown(3_000)).min(1).max(10) }),
  z.strictObject({
    type: z.literal('actions'),
    elements: z
      .array(button)
      .min(1)
      .max(25)
      .refine((all) => new Set(all.map((each) => each.action_id)).size === all.length),
  }),
])

const message = { text: z.string().min(1).max(40_000), blocks: z.array(block).min(1).max(50) }
const posted = z.strictObject({
  ...message,
  channel: z.string().regex(/^C[A-Z0-9]{8,}$/),
  thread_ts: z.string().optional(),
  reply_broadcast: z.boolean().optional(),
  unfurl_links: z.boolean().optional(),
  unfurl_media: z.boolean().optional(),
})
const updated = z.strictObject({ ...message, channel: z.string(), ts: z.string() })
const hooked = z.strictObject(message)

export interface SlackStandInMessage extends z.infer<typeof hooked> {
  readonly ts: string
  readonly threadTs: string | null
  /** How often it was changed. */
  readonly changes: number
}

export type SlackStandIn = Awaited<ReturnType<typeof startSlackStandIn>>

export async function startSlackStandIn() {
  const [token, signingSecret] = [`xoxb-${randomUUID()}`, randomUUID()]
  const messages = new Map<string, SlackStandInMessage>()
  const answers: unknown[] = []
  let count = 0

  const add = (content: z.infer<typeof hooked>, threadTs: string | null): string => {
    const ts = `1700000000.${String(++count).padStart(6, '0')}`
    messages.set(ts, { ...content, ts, threadTs, changes: 0 })
    return ts
  }
  const methods: Record<string, (body: unknown) => object> = {
    '/auth.test': () => ({ ok: true }),
    '/chat.postMessage'(body) {
      const { data } = posted.safeParse(body)
      if (!data) return { ok: false, error: 'invalid_blocks' }
      const { channel, thread_ts: threadTs = null, text, blocks } = data
      if (threadTs !== null && !messages.has(threadTs)) return { ok: false, error: 'thread_not_found' }
      return { ok: true, channel, ts: add({ text, blocks }, threadTs) }
    },
    '/chat.update'(body) {
      const { data } = updated.safeParse(body)
      if (!data) return { ok: false, error: 'invalid_blocks' }
      const { channel, ts, text, blocks } = data
      const known = messages.get(ts)
      if (!known) return { ok: false, error: 'message_not_found' }
      messages.set(ts, { ...known, text, blocks, changes: known.changes + 1 })
      return { ok: true, channel, ts }
    },
  }

  const answer = ({ path, body }: StandInRequest): StandInAnswer => {
    const json = JSON.parse(body || '{}')
    if (path.startsWith('/response/')) answers.push(json)
    if (path.startsWith('/response/')) return { status: 200, body: 'ok' }
    if (path.startsWith('/services/')) {
      const { data } = hooked.safeParse(json)
      if (!data) return { status: 400, body: 'invalid_blocks' }
      add(data, null)
      return { status: 200, body: 'ok' }
    }
    return { status: 200, body: methods[path]?.(json) ?? { ok: false, error: 'unknown_method' } }
  }

  const server = await startStandInServer({
    clock: Date.now,
    isAuthorized: ({ path, headers }) =>
      /^\/(services|response)\//.test(path) || headers.authorization === `Bearer ${token}`,
    refusal: { status: 200, body: { ok: false, error: 'invalid_auth' } },
    answer,
  })

  return {
    ...server,
    ...{ token, signingSecret },
    /** In the order in which they were posted. */
    messages: () => [...messages.values()],
    /** Removes a message, as a person may. */
    remove: (ts: string) => messages.delete(ts),
    /** What was said to a person through a response_url. */
    answers,
    /** The request that Slack sends when a person clicks on a button of the first message. */
    click(actionId: string, options: { user?: string; at?: number; value?: string } = {}) {
      const [first] = messages.values()
      const actions = first?.blocks.flatMap((each) => (each.type === 'actions' ? each.elements : [])) ?? []
      const element = actions.find(({ action_id: id }) => id === actionId)
      if (!element) throw new Error(`the message has no button ${actionId}`)
      const payload = {
        type: 'block_actions',
        user: { id: 'U0123ABCD', username: options.user ?? 'ada', name: options.user ?? 'ada', team_id: 'T0123ABCD' },
        trigger_id: randomUUID(),
        response_url: `${server.apiUrl}/response/${randomUUID()}`,
        actions: [{ type: 'button', action_id: actionId, value: options.value ?? element.value }],
      }
      const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString()
      const timestamp = String(Math.floor((options.at ?? Date.now()) / 1_000))
      return {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'x-slack-request-timestamp': timestamp,
          'x-slack-signature': slackSignature(Buffer.from(body), signingSecret, timestamp),
        },
      }
    },
  }
}
