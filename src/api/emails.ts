/** `/v1/emails`: registering, listing and reading emails. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { listEmails } from '../db/emails-read.ts'
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
import { findNamedEmail, readEmail, registeredIdOf, viewsOf } from './stored-emails.ts'

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
      problems: {
        409: 'Another email has this `externalId`: `errors` and `Location` name it',
        422: 'SendGrid and Amazon SES: `id` is a Message-ID that no event has named yet',
      },
    },
    async (ctx, { body }) => {
      const { provider, to, subject = null, priority: named = null, tags: tagged = null, externalId: own = null } = body
      if (!providersOf(webhooks).has(provider)) throw unknownProvider(providersOf(webhooks))
      const id = await inTime(() => registeredIdOf(receiptDb, provider, body.id))
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

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })
