/** `/v1/emails`: registering, listing and reading emails. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { readRecipientsOf } from '../db/email-recipients-read.ts'
import { findEmail, listEmails, readEscalationsOf, readEventsOf } from '../db/emails-read.ts'
import type { Email } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { failureParties, failureReasonNames } from '../domain/failure.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import { defaultProject, providerIn } from '../domain/project.ts'
import {
  address,
  cursor,
  cursorTime,
  jsonObject,
  name,
  oneOf,
  pageAnswer,
  pageLimit,
  pageOf,
  queryWithPairs,
  text,
} from '../http/input.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { emailIdOf, emailIdsOf } from '../providers/registry.ts'
import { email } from './answers.ts'
import {
  defaultProvider,
  emailId,
  externalId,
  locationOf,
  metadata,
  priority,
  queriedMetadata,
  recipients,
  tags,
} from './email-input.ts'
import { type EmailParts, type EmailView, storedEmailView, unappliedEmailView, withSuppressions } from './email-view.ts'

interface EmailDependencies {
  readonly db: Database
  /** For the answer to a registration. */
  readonly receiptDb: Database
  readonly inbox: Inbox
  readonly webhooks: ReadonlyMap<string, WebhookSource>
}

const registrationBody = jsonObject({
  id: emailId,
  to: recipients,
  subject: text(998).nullish(),
  priority: priority.nullish(),
  tags: tags.nullish(),
  externalId: externalId.nullish(),
  metadata: metadata.nullish(),
  provider: name(64).default(defaultProvider),
  status: oneOf(['sent', 'queued']).nullish(),
})

const listFilters = z.object({
  status: oneOf(emailStatuses).optional(),
  priority: priority.optional(),
  recipient: address.optional(),
  provider: name(64).optional(),
  tag: name(301).optional(),
  externalId: externalId.optional(),
  metadata: queriedMetadata,
  reason: oneOf(failureReasonNames).optional(),
  party: oneOf(failureParties).optional(),
  cursor: cursor(z.object({ createdAt: cursorTime, id: emailId, provider: name(64) })),
  limit: pageLimit,
})
const listQuery = queryWithPairs('metadata', listFilters)

const providerQuery = z.object({ provider: name(64).optional() })

export const noSuchEmail = 'no such email: no registration and no event of it was received'

const stored = { schema: email, headers: { Location: 'The URL of the email' } }

export const emailRoutes = ({ db, receiptDb, inbox, webhooks }: EmailDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/emails',
      scope: 'send',
      tag: 'Emails',
      summary: 'Register an email that you send',
      description:
        '`to` is one address or a list of up to 50, and a text with several addresses counts as several; `tags` is a list, or an object whose entries become `name:value`. ' +
        '`externalId` is your own ID of the email, which only one email of the project may have; `metadata` are up to 50 pairs of texts. ' +
        'Registering the same email again merges the data: the latest `externalId`, the latest value of each key of `metadata`.',
      body: registrationBody,
      answers: {
        200: { description: 'The email was already known, and the data was merged', ...stored },
        201: { description: 'Registered', ...stored },
      },
      problems: { 409: 'Another email has this `externalId`: `errors` and `Location` name it' },
    },
    async (ctx, { body }) => {
      const { provider, to, subject = null, priority: named = null, tags: tagged = null, externalId: own = null } = body
      if (!providersOf(webhooks).has(provider)) throw unknownProvider(providersOf(webhooks))
      const id = emailIdOf(provider, body.id)
      const { created } = await inbox.register({
        provider,
        emailId: id,
        to: to.map((recipient) => recipient.address),
        subject,
        tags: tagged,
        priority: named,
        as: body.status ?? 'sent',
        externalId: own,
        metadata: body.metadata ?? null,
      })
      ctx.status = created ? 201 : 200
      ctx.set('Location', locationOf(provider, id))
      ctx.body = await inTime(() => readEmail(receiptDb, id, provider))
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/emails',
      tag: 'Emails',
      summary: 'List emails, newest first',
      description:
        '`recipient` finds emails to an address, also if it is one of several. `reason` and `party` say why the email failed or is ' +
        'deferred: of the worst bounce of its recipients, and only for emails since version 0.5. `externalId` and `metadata[key]=value` ' +
        '(of several pairs, all) find emails that you have registered so, and those of which the provider’s custom fields say so.',
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
      summary: 'Read an email with its timeline',
      description:
        'If several providers have an email with this ID, returns the newest, unless `provider` is given. The ID may be written ' +
        'as the API of the provider writes it, such as `<ID@example.com>` for Mailgun.',
      params: z.object({ id: emailId }),
      query: providerQuery,
      answers: { 200: { description: 'The email', schema: email } },
      problems: { 404: 'No such email' },
    },
    async (ctx, { params, query }) => {
      const found = await inTime(() => findNamedEmail(db, params.id, query.provider))
      if (found === null) throw new Problem(404, noSuchEmail)
      ctx.body = found
    },
  ),
]

/** The names of the providers that have a secret: `resend` for the account `resend/eu` too, `shop:resend` if it belongs to a project. */
const providersOf = (webhooks: EmailDependencies['webhooks']): ReadonlySet<string> =>
  new Set([...webhooks].map(([path, { project = defaultProject }]) => providerIn(project, path.replace(/\/.*/, ''))))

/** @param configured by the providers' names. */
export const unknownProvider = (configured: Pick<ReadonlyMap<string, unknown>, 'keys'>): Problem =>
  validationProblem([{ path: 'provider', message: `must be one of: ${[...configured.keys()].join(', ')}` }])

/** As {@link readEmail}, of an ID as the provider's webhooks or its API write it. */
export async function findNamedEmail(db: Database, named: string, provider: string | undefined) {
  for (const id of emailIdsOf(named, provider)) {
    const found = await readEmail(db, id, provider)
    if (found !== null) return found
  }
  return null
}

/** One email as the API returns it, with events that are acknowledged but not applied yet; null if it is unknown. */
export async function readEmail(db: Database, id: string, provider: string | undefined): Promise<EmailView | null> {
  const [row, parts] = await Promise.all([findEmail(db, id, provider), readPartsOf(db, [id])])
  const events = provider === undefined ? parts.events : parts.events.filter((event) => event.provider === provider)
  if (!row && events.length === 0) return null
  const view = row ? storedEmailView(row, parts) : unappliedEmailView({ ...parts, events })
  const [email = null] = await withSuppressions(db, [view])
  return email
}

/** What is stored beside emails with these IDs, of any provider. Three statements, at the same time. */
export async function readPartsOf(db: Database, emailIds: readonly string[]): Promise<EmailParts> {
  const [events, escalations, recipients] = await Promise.all([
    readEventsOf(db, emailIds),
    readEscalationsOf(db, emailIds),
    readRecipientsOf(db, emailIds),
  ])
  return { events, escalations, recipients }
}

async function viewsOf(db: Database, rows: readonly Email[]): Promise<EmailView[]> {
  if (rows.length === 0) return []
  const ids = [...new Set(rows.map((row) => row.id))]
  const parts = await readPartsOf(db, ids)
  const [events, escalations, recipients] = [
    byEmailId(parts.events),
    byEmailId(parts.escalations),
    byEmailId(parts.recipients),
  ]
  const views = rows.map((row) =>
    storedEmailView(row, {
      events: events.get(row.id) ?? [],
      escalations: escalations.get(row.id) ?? [],
      recipients: recipients.get(row.id) ?? [],
    }),
  )
  return withSuppressions(db, views)
}

function byEmailId<Row extends { emailId: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.emailId)
    if (group) group.push(row)
    else groups.set(row.emailId, [row])
  }
  return groups
}

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })
