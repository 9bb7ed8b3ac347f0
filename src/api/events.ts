/** Events as operators see them: what waits, what was put aside and why, and having it tried again. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { type EventPosition, eventStates, findEvent, type ListedEvent, listEvents } from '../db/events-read.ts'
import { replayEvents, replayQuarantined } from '../db/replay.ts'
import { isProviderEventType, registrationEventType } from '../domain/events.ts'
import { maybeTime, time } from './answers.ts'
import { inTime } from './deadlines.ts'
import { isoTime } from './escalation-view.ts'
import { cursor, cursorOf, cursorTime, instant, name, pageAnswer, pageLimit, pageOf } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

/** An event of ours has a provider's ID in its own: longer than a provider's may be. */
const eventId = name(1_000)
const eventKey = z.object({ provider: name(64), id: eventId }, 'wants {provider, id}')
const position = z.object({ receivedAt: cursorTime, provider: name(64), id: eventId })

const listQuery = z.object({
  state: z.enum(eventStates, `wants one of ${eventStates.join(', ')}`).optional(),
  provider: name(64).optional(),
  type: name(255).optional(),
  reason: name(1_000).optional(),
  from: instant.optional(),
  to: instant.optional(),
  cursor: cursor(position),
  limit: pageLimit,
})

const replayLimit = 1_000

const replayBody = z.union(
  [
    z.strictObject({
      events: z
        .array(eventKey)
        .min(1, 'wants at least 1 event')
        .max(replayLimit, `wants at most ${replayLimit} events`),
    }),
    z.strictObject({
      filter: z.strictObject({
        quarantined: z.literal(true, 'wants true: what waits is tried by itself').optional(),
        provider: name(64).optional(),
        type: name(255).optional(),
        reason: name(1_000).optional(),
        from: instant.optional(),
        to: instant.optional(),
      }),
      cursor: cursor(position),
      limit: z.number().int().min(1).max(replayLimit).default(replayLimit),
    }),
  ],
  'wants {events: [{provider, id}, …]}, at most 1000 of them, or {filter: {provider?, type?, reason?, from?, to?}, cursor?, limit?}',
)

const listedEvent = z.strictObject({
  provider: z.string(),
  id: z.string(),
  emailId: z.string(),
  type: z.string().describe('The word of Aftersend where it knows one, else the provider’s.'),
  known: z.boolean().describe('Whether Aftersend gives this type a meaning.'),
  state: z.enum(['pending', 'quarantined', 'applied']),
  occurredAt: time.describe('By the provider’s clock.'),
  receivedAt: time.describe('By our clock.'),
  appliedAt: maybeTime,
  attempts: z.int().describe('How often it failed for a reason of its own.'),
  quarantinedReason: z.string().nullable(),
})

const wholeEvent = listedEvent.extend({
  to: z.array(z.string()),
  recipient: z.string().nullable().describe('Whom it is about.'),
  subject: z.string().nullable(),
  bounce: z.object({ class: z.string(), code: z.string().nullable(), message: z.string().nullable() }).nullable(),
  human: z.boolean().describe('Whether a person is likely behind an open or click.'),
  payload: z.unknown().describe('The JSON as it was signed; null once it was erased.'),
})

/** The routes under `/v1/events`. */
export const eventRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/events',
      tag: 'Events',
      summary: 'List events, newest first',
      description:
        'Without a state: all of them. `unknown` are those of a type that Aftersend gives no meaning to. `reason` is text ' +
        'that the reason of the quarantine holds; `from` and `to` go by the time of receipt.',
      query: listQuery,
      answers: { 200: { description: 'A page of events', schema: pageAnswer(listedEvent) } },
    },
    async (ctx, { query }) => {
      const rows = await inTime(() => listEvents(db, query, query.cursor, query.limit + 1))
      ctx.body = pageOf(rows, query.limit, positionOf, rows.map(listedView))
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/events/replay',
      tag: 'Events',
      summary: 'Have events tried again',
      description:
        'Names events, or quarantined ones by a filter, up to 1,000 in a call: pass `nextCursor` on as `cursor` until it is ' +
        'null. An event that was applied is skipped: none ever counts twice. The others are tried within seconds.',
      body: replayBody,
      answers: {
        200: {
          description: 'How many are tried again',
          schema: z.object({
            replayed: z.int(),
            skipped: z.int().describe('Applied already, or being applied at this moment.'),
            missing: z.int().describe('Named, and not there.'),
            nextCursor: z.string().nullable(),
          }),
        },
      },
    },
    async (ctx, { body }) => {
      if ('events' in body) {
        ctx.body = { ...(await inTime(() => replayEvents(db, body.events))), nextCursor: null }
        return
      }
      const { replayed, last } = await inTime(() => replayQuarantined(db, body.filter, body.cursor, body.limit))
      ctx.body = { replayed, skipped: 0, missing: 0, nextCursor: last && cursorOf(last) }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/events/:provider/:id',
      tag: 'Events',
      summary: 'One event, with its payload',
      description: 'An ID with a slash is percent-encoded, as everywhere.',
      params: eventKey,
      answers: { 200: { description: 'The event', schema: wholeEvent } },
      problems: { 404: 'There is no such event' },
    },
    async (ctx, { params }) => {
      const event = await inTime(() => findEvent(db, params))
      if (!event) throw new Problem(404, 'there is no such event')
      const { to, recipient, subject, bounceClass, bounceCode: code, bounceMessage: message, human, payload } = event
      const bounce = bounceClass === null ? null : { class: bounceClass, code, message }
      ctx.body = { ...listedView(event), to, recipient, subject, bounce, human, payload }
    },
  ),
]

const positionOf = ({ receivedAt, provider, eventId: id }: ListedEvent): EventPosition => ({
  receivedAt: receivedAt.toISOString(),
  provider,
  id,
})

const listedView = (event: ListedEvent) => ({
  provider: event.provider,
  id: event.eventId,
  emailId: event.emailId,
  type: event.type,
  known: isProviderEventType(event.type) || event.type === registrationEventType,
  state: event.appliedAt ? 'applied' : event.quarantinedReason === null ? 'pending' : 'quarantined',
  occurredAt: isoTime(event.occurredAt),
  receivedAt: isoTime(event.receivedAt),
  appliedAt: isoTime(event.appliedAt),
  attempts: event.attempts,
  quarantinedReason: event.quarantinedReason,
})
