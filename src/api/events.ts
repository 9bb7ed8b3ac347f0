/** `/v1/events`, for operators: listing events, the reasons of quarantined ones, and replaying them. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { type EventPosition, eventStates, findEvent, type ListedEvent, listEvents } from '../db/events-read.ts'
import { replayEvents, replayQuarantined } from '../db/replay.ts'
import { inTime } from '../db/request-deadline.ts'
import { isProviderEventType, registrationEventType } from '../domain/events.ts'
import { cursor, cursorOf, cursorTime, instant, name, oneOf, pageAnswer, pageLimit, pageOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { failure, maybeTime, time } from './answers.ts'
import { isoTime } from './escalation-view.ts'
import { failureOfEvent } from './failure-view.ts'

/** Longer than a provider's ID may be, since the IDs of derived events contain one. */
const eventId = name(1_000)
const eventKey = z.object({ provider: name(64), id: eventId }, 'must be {provider, id}')
const position = z.object({ receivedAt: cursorTime, provider: name(64), id: eventId })

const listQuery = z.object({
  state: oneOf(eventStates).optional(),
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
        .min(1, 'must have at least 1 event')
        .max(replayLimit, `must have at most ${replayLimit} events`),
    }),
    z.strictObject({
      filter: z.strictObject({
        quarantined: z.literal(true, 'must be true: pending events are applied without a replay').optional(),
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
  `must be {events: [{provider, id}, …]} with at most ${replayLimit} events, or {filter: {provider?, type?, reason?, from?, to?}, cursor?, limit?}`,
)

const listedEvent = z.strictObject({
  provider: z.string(),
  id: z.string(),
  emailId: z.string(),
  type: z.string().describe('Aftersend’s name of the type if it knows the type, else the provider’s.'),
  known: z.boolean().describe('Whether Aftersend knows the type.'),
  state: z.enum(['pending', 'quarantined', 'applied']),
  occurredAt: time.describe('By the provider’s clock.'),
  receivedAt: time.describe('By the server’s clock.'),
  appliedAt: maybeTime,
  attempts: z.int().describe('How often applying it failed because of the event itself.'),
  quarantinedReason: z.string().nullable(),
})

const eventDetail = listedEvent.extend({
  to: z.array(z.string()),
  recipient: z.string().nullable().describe('The recipient that the event is about.'),
  subject: z.string().nullable(),
  bounce: z.object({ class: z.string(), code: z.string().nullable(), message: z.string().nullable() }).nullable(),
  failure: failure.nullable().describe('For bounced events: why the delivery failed, and who caused it.'),
  response: z.string().nullable().describe('For delivered events: the answer of the receiving server.'),
  list: z.string().nullable().describe('For subscription events: the list or stream.'),
  human: z.boolean().describe('Whether an open or click was probably made by a person.'),
  payload: z.unknown().describe('The JSON as received; null after it was erased.'),
})

export const eventRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/events',
      tag: 'Events',
      summary: 'List events, newest first',
      description:
        'Without `state`: all events. State `unknown`: events of a type that Aftersend does not know. `reason` matches a ' +
        'part of the reason for the quarantine; `from` and `to` refer to the time of receipt.',
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
      scope: 'operate',
      tag: 'Events',
      summary: 'Replay events',
      description:
        'Applies events again, by their IDs or quarantined ones by a filter, up to 1,000 in a call: pass `nextCursor` as ' +
        '`cursor` until it is null. Applied events are skipped, so none counts twice. The others are applied within seconds.',
      body: replayBody,
      answers: {
        200: {
          description: 'How many events will be applied again',
          schema: z.object({
            replayed: z.int(),
            skipped: z.int().describe('Already applied, or being applied now.'),
            missing: z.int().describe('Not found.'),
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
      summary: 'Read one event with its payload',
      description: 'Percent-encode a slash in the ID.',
      params: eventKey,
      answers: { 200: { description: 'The event', schema: eventDetail } },
      problems: { 404: 'No such event' },
    },
    async (ctx, { params }) => {
      const event = await inTime(() => findEvent(db, params))
      if (!event) throw new Problem(404, 'no such event: GET /v1/events lists them')
      const { to, recipient, subject, bounceClass, bounceCode: code, bounceMessage: message, human, payload } = event
      const bounce = bounceClass === null ? null : { class: bounceClass, code, message }
      const { response, list } = event
      const failed = event.type === 'bounced' ? failureOfEvent(event) : null
      ctx.body = {
        ...listedView(event),
        ...{ to, recipient, subject, bounce, failure: failed, response, list, human, payload },
      }
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
