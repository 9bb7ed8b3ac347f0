/** `POST /v1/emails/send`: asks the suppression list, sends through a provider, and registers, in one request. */
import { createHash, randomUUID } from 'node:crypto'
import type { Context } from 'koa'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { normalizeAddress } from '../domain/address.ts'
import type { Inbox } from '../inbox/inbox.ts'
import {
  EmailRefusedError,
  type ProviderApi,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../providers/provider.ts'
import { type SendingOutcome, type SuppressedRecipient, sendGuarded } from '../sending/guarded-sending.ts'
import { email } from './answers.ts'
import { inTime } from './deadlines.ts'
import { bareAddress, locationOf, priority, readEmail, tags } from './emails.ts'
import { name, text } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

interface SendDependencies {
  readonly db: Database
  readonly inbox: Inbox
  /** The providers that can be sent through, by name; the first is the default. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  readonly clock: () => number
}

const mailbox = name(1_000).refine(
  (written) => normalizeAddress(written) !== null,
  'wants an email address, with or without a display name',
)

/** RFC 5322 §2.2: printable ASCII but the colon. What the message's own fields say comes from the body's. */
const headers = z
  .record(
    z.string().regex(/^[!-9;-~]{1,100}$/, 'wants the name of a header field'),
    name(998),
    'wants an object of texts',
  )
  .refine((given) => Object.keys(given).length <= 50, 'wants at most 50 header fields')
  .refine(
    (given) => !Object.keys(given).some((field) => /^(from|to|cc|bcc|subject|content-.*|mime-version)$/i.test(field)),
    'holds a field that the body itself has',
  )

const sendBody = z
  .object(
    {
      from: mailbox,
      to: z.preprocess(
        (to) => (Array.isArray(to) ? to : [to]),
        z.array(mailbox).min(1, 'wants at least 1 address').max(50, 'wants at most 50 addresses'),
      ),
      subject: name(998),
      html: text(1_000_000).nullish(),
      text: text(1_000_000).nullish(),
      headers: headers.nullish(),
      priority: priority.nullish(),
      tags: tags.nullish(),
      provider: name(64).optional(),
    },
    'wants an object',
  )
  .refine((body) => Boolean(body.html || body.text), { path: ['text'], message: 'is wanted, or html, or both' })

type SendBody = z.infer<typeof sendBody>

/** Providers take up to 256 characters. */
const idempotencyKeyForm = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'wants up to 255 printable ASCII characters')

/** The route that sends. */
export const sendRoutes = ({ db, inbox, providerApis, clock }: SendDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/emails/send',
      tag: 'Emails',
      summary: 'Send an email, unless a recipient is suppressed',
      description:
        'Asks the suppression list, sends through the provider, and registers. With an `Idempotency-Key` it is sent once, ' +
        'however often it is asked for. Send `html`, `text` or both.',
      headers: { 'Idempotency-Key': { description: 'Up to 255 printable ASCII characters', required: false } },
      body: sendBody,
      answers: {
        201: {
          description: 'Sent, now or by an earlier request with the same key',
          schema: email,
          headers: {
            Location: 'Where the email is read',
            'Idempotency-Key': 'The key that was given, or made',
            'Idempotency-Replayed': '`true` if an earlier request has sent it',
          },
        },
      },
      problems: {
        409: 'The key belongs to another request or to one under way, or no provider can be sent through',
        422: 'Nothing was sent: a recipient is suppressed, or the provider refused the email',
        502: 'Nothing was sent: the provider refused us',
      },
    },
    async (ctx, { body }) => {
      const idempotencyKey = keyOf(ctx)
      const { provider, api } = chooseProvider(body.provider, providerApis)
      const outgoing = outgoingOf(body)
      const fingerprint = createHash('sha256')
        .update(JSON.stringify([outgoing, body.priority]))
        .digest('base64url')
      const request = { idempotencyKey, fingerprint, provider, email: outgoing, api }
      const outcome = await sendGuarded({ db, inTime, clock }, request).catch((error) => {
        throw problemOfProvider(error)
      })
      const { emailId, isNew } = sentOrProblem(outcome)
      // After a crash between sending and registering it is this repeat that registers: doing so again changes nothing.
      let view = isNew ? null : await inTime(() => readEmail(db, emailId, provider))
      if (view?.registeredAt == null) {
        await inbox.register(registrationOf(body, provider, emailId))
        view = await inTime(() => readEmail(db, emailId, provider))
      }
      ctx.set({ Location: locationOf(provider, emailId), 'Idempotency-Key': idempotencyKey })
      if (!isNew) ctx.set('Idempotency-Replayed', 'true')
      ctx.status = 201
      ctx.body = view
    },
  ),
]

/** One that is made here is told in the answer, and in nobody's hand before: it guards against nothing but our own tries. */
const keyOf = (ctx: Context): string => {
  const given = ctx.req.headers['idempotency-key']
  if (given === undefined) return randomUUID()
  const parsed = idempotencyKeyForm.safeParse(given)
  if (parsed.success) return parsed.data
  throw new Problem(400, `Idempotency-Key ${parsed.error.issues[0]?.message}`)
}

function chooseProvider(named: string | undefined, apis: ReadonlyMap<string, ProviderApi>) {
  const [first] = apis.keys()
  const provider = named ?? first
  if (provider === undefined || first === undefined) {
    throw new Problem(409, 'no provider can be sent through: set AISEND_API_KEY or RESEND_API_KEY')
  }
  const api = apis.get(provider)
  if (api) return { provider, api }
  throw new Problem(400, 'the body is not as it must be; errors says where', {
    errors: [{ path: 'provider', message: `wants one of ${[...apis.keys()].join(', ')}` }],
  })
}

const outgoingOf = ({ from, to, subject, html, text: plain, headers: given, tags: tagged }: SendBody) => ({
  from,
  to,
  subject,
  html: html || null,
  text: plain || null,
  headers: given ?? {},
  tags: tagged ?? [],
})

const registrationOf = (body: SendBody, provider: string, emailId: string) => ({
  provider,
  emailId,
  to: body.to.map(bareAddress),
  subject: body.subject,
  tags: body.tags ?? null,
  priority: body.priority ?? null,
  as: 'sent' as const,
})

function sentOrProblem(outcome: SendingOutcome): { emailId: string; isNew: boolean } {
  switch (outcome.state) {
    case 'sent':
      return { emailId: outcome.email.emailId, isNew: outcome.isNew }
    case 'suppressed':
      throw new Problem(422, 'nothing was sent: errors says who is suppressed, and why', {
        errors: outcome.recipients.map(mistakeOf),
      })
    case 'other_request':
      throw new Problem(409, 'this Idempotency-Key belongs to another request: use a new one')
    case 'under_way':
      throw new Problem(409, 'a request with this Idempotency-Key is under way: try again', {
        headers: { 'Retry-After': '2' },
      })
    case 'unknown':
      throw new Problem(
        409,
        'whether an earlier request with this Idempotency-Key was sent is not known, and sending again might send twice: ' +
          'look for the email at the provider, then use a new key or none',
      )
  }
}

const mistakeOf = ({ index, reason, since }: SuppressedRecipient) => ({
  path: `to.${index}`,
  message: `is suppressed since ${since.toISOString()}`,
  reason,
})

/** The provider's troubles as the application must take them: final, or to be tried again with the same key. */
function problemOfProvider(error: unknown): unknown {
  if (error instanceof EmailRefusedError) {
    return new Problem(422, `nothing was sent: ${error.message}${error.reason === null ? '' : ` (${error.reason})`}`)
  }
  if (error instanceof ProviderRefusedError) return new Problem(502, `nothing was sent: ${error.message}`)
  if (!(error instanceof ProviderUnreachableError)) return error
  const seconds = Math.ceil((error.retryAfterMs ?? 5_000) / 1_000)
  const what = error.mayHaveArrived ? 'it is not known whether it was sent' : 'nothing was sent'
  return new Problem(503, `${error.message}: ${what}; send it again with the same Idempotency-Key`, {
    headers: { 'Retry-After': String(seconds) },
  })
}
