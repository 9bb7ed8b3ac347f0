/**
 * Brevo as developers.brevo.com/reference (get-email-event-report, get-transac-blocked-contacts) describes it: the record of transactional
 * emails, the blocked contacts, and webhooks about the same events. Forms of times by the answers in public tests of a client, with a zone.
 */
import { z } from 'zod'
import type { SuppressionReason } from '../domain/suppression.ts'
import { brevoEntry } from '../providers/brevo/entry.ts'
import { descending } from './ordered-events.ts'
import { type Recorded, recordEvents } from './recorded-events.ts'
import { type StandInAnswer, type StandInRequest, type StandInServer, startStandInServer } from './server.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

interface BlockedContact {
  readonly email: string
  readonly senderEmail: string
  readonly reason: { readonly code: string; readonly message: string }
  readonly blockedAt: string
}

export interface BrevoStandIn extends ProviderStandIn {
  readonly requests: StandInServer['requests']
  /** The contact gets no emails any more, or none of one sender. */
  block(email: string, code: string, senderEmail?: string): void
  /** How each entry of the record differs from what Brevo documents. Default: not at all. */
  setEntryChange(change: (entry: object) => object): void
}

interface Truth {
  readonly recorded: Recorded
  readonly blocked: BlockedContact[]
  readonly clock: () => number
  readonly isVisible: (at: number) => boolean
  entryChange: (entry: object) => object
}

/** 1,000 requests a second, where most of the API has 300 an hour. */
const blockedContacts = '/v3/smtp/blockedContacts'

const codes: Readonly<Partial<Record<SuppressionReason, string>>> = {
  hard_bounce: 'hardBounce',
  complaint: 'contactFlaggedAsSpam',
  manual: 'adminBlocked',
}

export async function startBrevoStandIn(options: StandInOptions = {}): Promise<BrevoStandIn> {
  const { clock = Date.now, port, apiKey = 'key-of-the-stand-in' } = options
  const truth: Truth = {
    recorded: recordEvents(brevoEntry, options),
    blocked: [],
    clock,
    isVisible: (at) => server.isVisible(at),
    entryChange: (entry) => entry,
  }
  const server = await startStandInServer({
    clock,
    ...(port !== undefined && { port }),
    isAuthorized: ({ headers }) => headers['api-key'] === apiKey,
    refusal: refusal(401, 'unauthorized'),
    answer: (request) => answerTo(request, truth),
    isUnlimited: ({ path }) => path === blockedContacts,
  })
  const block: BrevoStandIn['block'] = (email, code, senderEmail = '') => {
    const reason = { code, message: 'as people read it' }
    truth.blocked.push({ email, senderEmail, reason, blockedAt: new Date(clock()).toISOString() })
  }
  return {
    ...{ apiKey, block },
    ...server,
    ...truth.recorded,
    suppress(email, reason) {
      const code = codes[reason]
      if (code !== undefined) block(email, code)
    },
    setEntryChange(change) {
      truth.entryChange = change
    },
  }
}

const ok = (body: unknown): StandInAnswer => ({ status: 200, body })
const refusal = (status: number, code: string): StandInAnswer => ({
  status,
  body: { code, message: 'ada@example.com' },
})

function answerTo({ method, path, query }: StandInRequest, truth: Truth): StandInAnswer {
  const search = Object.fromEntries(query)
  if (method === 'GET' && path === '/v3/smtp/statistics/events') return reportAnswer(search, truth)
  if (method === 'GET' && path === blockedContacts) return blockedAnswer(search, truth)
  return refusal(404, 'document_not_found')
}

const count = z.coerce.number().int().min(0)
const date = z.iso.date().transform((text) => Date.parse(text))
const page = { limit: count, offset: count }
const dayMs = 24 * 3_600_000
/** The account's zone. */
const zoneMs = 2 * 3_600_000

/** A number of days until today, or two dates. */
const reportForm = z
  .strictObject({
    ...{ ...page, sort: z.literal('desc'), messageId: z.string().optional() },
    ...{ days: count.min(1).max(90).optional(), startDate: date.optional(), endDate: date.optional() },
  })
  .refine(({ limit }) => limit <= 5_000)
  .refine(({ days, startDate, endDate }) =>
    days === undefined
      ? startDate !== undefined && endDate !== undefined && isRange(startDate, endDate)
      : startDate === undefined && endDate === undefined,
  )

const isRange = (from: number, to: number): boolean => from <= to && to - from < 90 * dayMs

/** Newest first, of whole days of the account's zone. */
function reportAnswer(search: object, { recorded, clock, isVisible, entryChange }: Truth): StandInAnswer {
  const parsed = reportForm.safeParse(search)
  if (!parsed.success) return refusal(400, 'invalid_parameter')
  const today = Math.floor((clock() + zoneMs) / dayMs) * dayMs
  const { limit, offset, messageId, days = 1, startDate = today - (days - 1) * dayMs, endDate = today } = parsed.data
  const found: object[] = []
  for (const { at, body } of descending(recorded.byTime(), null, endDate + dayMs - zoneMs - 1)) {
    if (at < startDate - zoneMs || found.length === offset + limit) break
    const entry = entryIn(body, at)
    if (isVisible(at) && (messageId === undefined || entry.messageId === messageId)) found.push(entry)
  }
  // Without an event there is no list of them.
  return ok(found.length > offset ? { events: found.slice(offset).map(entryChange) } : {})
}

/** The record's words for the webhook's. */
const words: Readonly<Record<string, string>> = {
  request: 'requests',
  hard_bounce: 'hardBounces',
  soft_bounce: 'softBounces',
  click: 'clicks',
}

function entryIn(body: string, at: number) {
  const { event, email, subject, reason, 'message-id': messageId } = JSON.parse(body)
  return {
    ...{ email, subject, messageId, event: words[event] ?? event, tag: '', from: 'hello@example.com' },
    date: new Date(at + zoneMs).toISOString().replace('Z', '+02:00'),
    ...(reason && { reason }),
  }
}

const blockedForm = z.strictObject({ ...page, sort: z.literal('asc') }).refine(({ limit }) => limit <= 100)

function blockedAnswer(search: object, { blocked }: Truth): StandInAnswer {
  const parsed = blockedForm.safeParse(search)
  if (!parsed.success) return refusal(400, 'out_of_range')
  const { limit, offset } = parsed.data
  return ok({ count: blocked.length, contacts: blocked.slice(offset, offset + limit) })
}
