/** Emails: registered by the application that sends them, read by whoever asks what became of them. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { findEmail, listEmails, readEscalationsOf, readEventsOf } from '../db/emails-read.ts'
import type { Email } from '../db/generated/client.ts'
import { normalizeAddress } from '../domain/address.ts'
import { priorities } from '../domain/events.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { email } from './answers.ts'
import { inTime } from './deadlines.ts'
import { storedEmailView, unappliedEmailView } from './email-view.ts'
import { address, cursor, cursorTime, emailId, name, pageAnswer, pageLimit, pageOf, text } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

interface EmailDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly webhooks: ReadonlyMap<string, WebhookSource>
}

/** As the application wrote it, without the display name: the case of the local part is the recipient's business. */
export const bareAddress = (written: string): string => (/<([^<>]+)>$/.exec(written)?.[1] ?? written).trim()

const recipient = name(1_000).transform((written, issues) => {
  const bare = bareAddress(written)
  if (normalizeAddress(bare) !== null) return bare
  issues.addIssue({ code: 'custom', message: 'wants an email address, with or without a display name' })
  return z.NEVER
})

const recipients = z.preprocess(
  (to) => (Array.isArray(to) ? to : [to]),
  z.array(recipient).min(1, 'wants at least 1 address').max(50, 'wants at most 50 addresses'),
)

const tagLimit = 50

/** A list of words, or an object whose entries become `name:value`. */
export const tags = z
  .union([z.array(name(200)), z.record(name(100), text(200))], 'wants a list of texts, or an object of texts')
  .transform((given) => (Array.isArray(given) ? given : Object.entries(given).map(([tag, value]) => `${tag}:${value}`)))
  .refine((list) => list.length <= tagLimit, `wants at most ${tagLimit} tags`)

export const priority = z.enum(priorities, `wants one of ${priorities.join(', ')}`)

const defaultProvider = 'aisend'

const registrationBody = z.object(
  {
    id: emailId,
    to: recipients,
    subject: text(998).nullish(),
    priority: priority.nullish(),
    tags: tags.nullish(),
    provider: name(64).default(defaultProvider),
    status: z.enum(['sent', 'queued'], 'wants sent or queued').nullish(),
  },
  'wants an object',
)

const listQuery = z.object({
  status: z.enum(emailStatuses, `wants one of ${emailStatuses.join(', ')}`).optional(),
  priority: priority.optional(),
  recipient: address.optional(),
  provider: name(64).optional(),
  tag: name(301).optional(),
  cursor: cursor(z.object({ createdAt: cursorTime, id: emailId, provider: name(64) })),
  limit: pageLimit,
})

const providerQuery = z.object({ provider: name(64).optional() })

const stored = { schema: email, headers: { Location: 'Where the email is read' } }

/** The routes under `/v1/emails`. */
export const emailRoutes = ({ db, inbox, webhooks }: EmailDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/emails',
      tag: 'Emails',
      summary: 'Register what you send',
      description:
        '`to` is one address or up to 50; `tags` a list, or an object whose entries become `name:value`. Registering again ' +
        'merges.',
      body: registrationBody,
      answers: {
        200: { description: 'Known already, and merged', ...stored },
        201: { description: 'Registered', ...stored },
      },
    },
    async (ctx, { body }) => {
      const { id, provider, to, subject = null, priority: named = null, tags: tagged = null } = body
      refuseUnknownProvider(provider, webhooks)
      const { created } = await inbox.register({
        provider,
        emailId: id,
        to,
        subject,
        tags: tagged,
        priority: named,
        as: body.status ?? 'sent',
      })
      ctx.status = created ? 201 : 200
      ctx.set('Location', locationOf(provider, id))
      ctx.body = await inTime(() => readEmail(db, id, provider))
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/emails',
      tag: 'Emails',
      summary: 'List emails, newest first',
      query: listQuery,
      answers: { 200: { description: 'A page of emails', schema: pageAnswer(email) } },
    },
    async (ctx, { query }) => {
      ctx.body = await inTime(async () => {
        const rows = await listEmails(db, query, query.cursor, query.limit + 1)
        return pageOf(rows, query.limit, positionOf, await viewsOf(db, rows.slice(0, query.limit)))
      })
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/emails/:id',
      tag: 'Emails',
      summary: 'What became of an email',
      description: 'Of several providers’ emails with one ID the newest, unless `provider` says which.',
      params: z.object({ id: emailId }),
      query: providerQuery,
      answers: { 200: { description: 'The email', schema: email } },
      problems: { 404: 'Nothing was heard of such an email' },
    },
    async (ctx, { params, query }) => {
      const found = await inTime(() => readEmail(db, params.id, query.provider))
      if (found === null) throw new Problem(404, 'nothing was heard of such an email')
      ctx.body = found
    },
  ),
]

function refuseUnknownProvider(provider: string, webhooks: EmailDependencies['webhooks']): void {
  if (webhooks.has(provider)) return
  throw new Problem(400, 'the body is not as it must be; errors says where', {
    errors: [{ path: 'provider', message: `wants one of ${[...webhooks.keys()].join(', ')}` }],
  })
}

export function locationOf(provider: string, id: string): string {
  const path = `/v1/emails/${encodeURIComponent(id)}`
  return provider === defaultProvider ? path : `${path}?provider=${encodeURIComponent(provider)}`
}

/** One email as the API tells it, with what was acknowledged but not applied yet; null if nothing was heard of it. */
export async function readEmail(db: Database, id: string, provider: string | undefined) {
  const [row, allEvents, escalations] = await Promise.all([
    findEmail(db, id, provider),
    readEventsOf(db, [id]),
    readEscalationsOf(db, [id]),
  ])
  if (row) return storedEmailView(row, allEvents, escalations)
  const events = provider === undefined ? allEvents : allEvents.filter((event) => event.provider === provider)
  return events.length === 0 ? null : unappliedEmailView(events, escalations)
}

async function viewsOf(db: Database, rows: readonly Email[]) {
  if (rows.length === 0) return []
  const ids = [...new Set(rows.map((row) => row.id))]
  const [events, escalations] = await Promise.all([readEventsOf(db, ids), readEscalationsOf(db, ids)])
  const eventsById = byEmailId(events)
  const escalationsById = byEmailId(escalations)
  return rows.map((row) => storedEmailView(row, eventsById.get(row.id) ?? [], escalationsById.get(row.id) ?? []))
}

function byEmailId<Row extends { emailId: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>(rows.map((row) => [row.emailId, []]))
  for (const row of rows) groups.get(row.emailId)?.push(row)
  return groups
}

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })
