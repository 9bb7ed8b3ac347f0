/** `POST /v1/emails/send`: checks the suppression list, sends through a provider, and registers, in one request. */
import { createHash, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { formatMailbox } from '../domain/address.ts'
import { defaultProject, projectOf } from '../domain/project.ts'
import type { Registration } from '../domain/registration.ts'
import { ExternalIdTakenError } from '../errors.ts'
import { idempotencyKeyHeader, idempotencyKeyOf } from '../http/idempotency-key.ts'
import { jsonObject, mailbox, name, text } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { Inbox } from '../inbox/inbox.ts'
import {
  EmailRefusedError,
  type OutgoingEmail,
  type ProviderApi,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../providers/provider-api.ts'
import { email } from './answers.ts'
import { externalId, locationOf, metadata, priority, recipients, tags } from './email-input.ts'
import { unknownProvider } from './emails.ts'
import { type SendingOutcome, type SuppressedRecipient, sendGuarded } from './guarded-sending.ts'
import { readEmail } from './stored-emails.ts'

interface SendDependencies {
  readonly db: Database
  readonly inbox: Inbox
  /** The providers to send through, by name; the first is the default. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  readonly clock: () => number
}

/** RFC 5322 §2.2: printable ASCII except the colon. */
const headers = z
  .record(
    z.string().regex(/^[!-9;-~]{1,100}$/, 'must be the name of a header field'),
    name(998),
    'must be an object of strings',
  )
  .refine((given) => Object.keys(given).length <= 50, 'must have at most 50 header fields')
  .refine(
    (given) => !Object.keys(given).some((field) => /^(from|to|cc|bcc|subject|content-.*|mime-version)$/i.test(field)),
    'must not contain From, To, Cc, Bcc, Subject, Content-* or MIME-Version: use the fields of the body',
  )

const sendBody = jsonObject({
  from: mailbox,
  to: recipients,
  subject: name(998),
  html: text(1_000_000).nullish(),
  text: text(1_000_000).nullish(),
  headers: headers.nullish(),
  priority: priority.nullish(),
  tags: tags.nullish(),
  externalId: externalId.nullish(),
  metadata: metadata.nullish(),
  provider: name(64).optional(),
}).refine((body) => Boolean(body.html || body.text), { path: ['text'], message: 'must not be empty without html' })

type SendBody = z.infer<typeof sendBody>

export const sendRoutes = ({ db, inbox, providerApis, clock }: SendDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/emails/send',
      scope: 'send',
      tag: 'Emails',
      summary: 'Send an email, unless a recipient is suppressed',
      description:
        'Checks the suppression list, sends through the provider, and registers. Requests with the same `Idempotency-Key` ' +
        'send one email. Give `html`, `text` or both. `externalId`, which only one email of the project may have, and `metadata` are ' +
        'handed to the provider too, so that its webhooks carry them.',
      headers: idempotencyKeyHeader,
      body: sendBody,
      answers: {
        201: {
          description: 'Sent by this request, or by an earlier one with the same key',
          schema: email,
          headers: {
            Location: 'The URL of the email',
            'Idempotency-Key': 'The given or generated key',
            'Idempotency-Replayed': '`true` if an earlier request sent it',
          },
        },
      },
      problems: {
        409: 'The key belongs to another request or to one in progress, another email has the `externalId`, or no provider is configured',
        422: 'Not sent: a recipient is suppressed, or the provider refused the email',
        502: 'Not sent: the provider refused the request',
      },
    },
    async (ctx, { body }) => {
      // The client does not know a generated key before the answer, so it only guards our own retries.
      const idempotencyKey = idempotencyKeyOf(ctx) ?? randomUUID()
      const { provider, api } = chooseProvider(body.provider, providerApis)
      const outgoing = outgoingOf(body)
      const fingerprint = fingerprintOf(outgoing, body.priority)
      const request = {
        idempotencyKey: sendingKeyOf(provider, idempotencyKey),
        ...{
          fingerprint,
          provider,
          email: outgoing,
          api,
          providerKey: idempotencyKey,
          externalId: outgoing.externalId,
        },
      }
      const outcome = await sendGuarded({ db, inTime, clock }, request).catch((error) => {
        throw problemOfProvider(error)
      })
      const { emailId, isNew } = sentOrProblem(outcome, body)
      // After a crash between sending and registering, the retry registers. Idempotent.
      let view = isNew ? null : await inTime(() => readEmail(db, emailId, provider))
      if (view?.registeredAt == null) {
        await registerSent(inbox, registrationOf(body, provider, emailId))
        view = await inTime(() => readEmail(db, emailId, provider))
      }
      ctx.set({ Location: locationOf(provider, emailId), 'Idempotency-Key': idempotencyKey })
      if (!isNew) ctx.set('Idempotency-Replayed', 'true')
      ctx.status = 201
      ctx.body = view
    },
  ),
]

/** As before 0.5 for a request without own IDs: a retry may come after an upgrade. */
function fingerprintOf({ externalId, metadata, ...email }: OutgoingEmail, priority: SendBody['priority']): string {
  const own = externalId || metadata ? [externalId, metadata] : []
  return createHash('sha256')
    .update(JSON.stringify([email, priority, ...own]))
    .digest('base64url')
}

/** Keys of the projects are apart: a client's key has no space. */
const sendingKeyOf = (provider: string, idempotencyKey: string): string =>
  projectOf(provider) === defaultProject ? idempotencyKey : `${projectOf(provider)} ${idempotencyKey}`

function chooseProvider(named: string | undefined, apis: ReadonlyMap<string, ProviderApi>) {
  const senders = new Map([...apis].flatMap(([name, { sending }]) => (sending ? [[name, sending] as const] : [])))
  const [first] = senders.keys()
  const provider = named ?? first
  if (provider === undefined || first === undefined) {
    throw new Problem(409, 'no provider is configured for sending: set AISEND_API_KEY or RESEND_API_KEY')
  }
  const api = senders.get(provider)
  if (api) return { provider, api }
  throw unknownProvider(senders)
}

const outgoingOf = ({ from, to, subject, html, text: plain, headers: given, tags: tagged, ...body }: SendBody) => ({
  // Never the text of the request: a provider might read it as other addresses than those that were checked.
  from: formatMailbox(from),
  to: to.map(formatMailbox),
  subject,
  html: html || null,
  text: plain || null,
  headers: given ?? {},
  tags: tagged ?? [],
  externalId: body.externalId ?? null,
  metadata: body.metadata ?? null,
})

const registrationOf = (body: SendBody, provider: string, emailId: string): Registration => ({
  provider,
  emailId,
  to: body.to.map((recipient) => recipient.address),
  subject: body.subject,
  tags: body.tags ?? null,
  priority: body.priority ?? null,
  externalId: body.externalId ?? null,
  metadata: body.metadata ?? null,
  as: 'sent',
})

/** The email is sent: if another one was registered under its external ID meanwhile, it is registered without. */
const registerSent = (inbox: Inbox, registration: Registration) =>
  inbox.register(registration).catch((error) => {
    if (error instanceof ExternalIdTakenError) return inbox.register({ ...registration, externalId: null })
    throw error
  })

function sentOrProblem(outcome: SendingOutcome, { to }: SendBody): { emailId: string; isNew: boolean } {
  switch (outcome.state) {
    case 'sent':
      return { emailId: outcome.email.emailId, isNew: outcome.isNew }
    case 'suppressed':
      throw new Problem(422, 'not sent: remove the suppressed recipients listed in errors', {
        errors: outcome.recipients.map((recipient) => suppressionError(recipient, to[recipient.index]?.index)),
      })
    case 'other_request':
      throw new Problem(409, 'this Idempotency-Key belongs to another request: use a new key')
    case 'under_way':
      throw new Problem(409, 'a request with this Idempotency-Key is in progress: try again later', {
        headers: { 'Retry-After': '2' },
      })
    case 'unknown':
      throw new Problem(
        409,
        'it is not known whether an earlier request with this Idempotency-Key sent the email, and sending again might send it ' +
          'twice: look for the email at the provider, then use a new key or none',
      )
  }
}

/** @param index of the entry of the request's `to`. */
const suppressionError = ({ reason, since }: SuppressedRecipient, index = 0) => ({
  path: `to.${index}`,
  message: `has been suppressed since ${since.toISOString()}`,
  reason,
})

/** The provider's errors for the application: final, or to be retried with the same key. */
function problemOfProvider(error: unknown): unknown {
  if (error instanceof EmailRefusedError) {
    return new Problem(422, `not sent: ${error.message}${error.reason === null ? '' : ` (${error.reason})`}`)
  }
  if (error instanceof ProviderRefusedError) return new Problem(502, `not sent: ${error.message}`)
  if (!(error instanceof ProviderUnreachableError)) return error
  const seconds = Math.ceil((error.retryAfterMs ?? 5_000) / 1_000)
  const what = error.mayHaveArrived ? 'it is not known whether the email was sent' : 'the email was not sent'
  return new Problem(503, `${error.message}: ${what}; try again with the same Idempotency-Key`, {
    headers: { 'Retry-After': String(seconds) },
  })
}
