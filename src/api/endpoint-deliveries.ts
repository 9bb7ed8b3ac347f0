/** `/v1/endpoints/:id/…`: attempts, replay, and the webhooks that are pulled. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { readDelivery, readDueDeliveries, recordAttempts, replayDeliveries } from '../db/deliveries.ts'
import { notePull } from '../db/endpoint-pulls.ts'
import { readEndpoint, readEndpointSecrets } from '../db/endpoints.ts'
import { type AttemptOfDelivery, attemptOutcomes, listAttempts } from '../db/endpoints-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { endpointScopes } from '../domain/access.ts'
import { endpointEventTypes, testSentType } from '../domain/endpoint.ts'
import { type SignedRequest, signedRequestOf } from '../endpoints/signed-request.ts'
import type { EventStreams } from '../http/event-streams.ts'
import { cursor, instant, jsonObject, limitUpTo, oneOf, pageAnswer, pageOf } from '../http/input.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { existing } from './endpoint-commands.ts'
import { attempt, attemptViewOf, pulledWebhook } from './endpoint-view.ts'
import { endpointId } from './endpoints.ts'

export interface EndpointDeliveryDependencies {
  readonly db: Database
  readonly clock: () => number
  /** Requests that wait end with them, so that the server can close. */
  readonly streams: Pick<EventStreams, 'refuseWhenFull'>
}

const params = z.object({ id: endpointId })
const tag = 'Endpoints'
const problems = { 404: 'No such endpoint' }
const deliveryId = z.string().regex(/^\d{1,18}$/, 'must be the ID of a delivery')
const position = z.object({ id: deliveryId })
const sentType = oneOf([...endpointEventTypes, testSentType])

/** Each has its request, with the recipients' addresses. */
export const attemptsQuery = z.object({
  outcome: oneOf(attemptOutcomes).optional(),
  cursor: cursor(position),
  limit: limitUpTo(100),
})

/** Deliveries that one call sends again. */
const replayLimit = 10_000

const replayBody = jsonObject({
  deliveryId: deliveryId.optional(),
  since: instant.optional(),
  until: instant.optional(),
  eventTypes: z.array(sentType, 'must be a list').min(1, 'must not be empty').optional(),
})

export const endpointDeliveryRoutes = (dependencies: EndpointDeliveryDependencies): Route[] => [
  ...attemptRoutes(dependencies),
  ...pullRoutes(dependencies),
]

const attemptRoutes = ({ db, clock }: EndpointDeliveryDependencies): Route[] => [
  defineRoute(
    {
      ...{ method: 'get', path: '/v1/endpoints/:id/attempts', tag, scope: endpointScopes },
      summary: 'List the attempts of an endpoint, newest first',
      ...{ params, problems, query: attemptsQuery },
      answers: { 200: { description: 'A page of attempts', schema: pageAnswer(attempt) } },
    },
    async (ctx, { params: { id }, query }) => {
      existing(await inTime(() => readEndpoint(db, id)))
      const search = { endpointId: id, outcome: query.outcome, before: query.cursor, limit: query.limit + 1 }
      const rows = await inTime(() => listAttempts(db, search))
      const shown = rows.slice(0, query.limit)
      const requests = await readRequests(db, id, shown, clock())
      const views = shown.map((row) => attemptViewOf(row, requests.get(row.deliveryId) ?? null))
      ctx.body = pageOf(rows, query.limit, attemptPositionOf, views)
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/replay', tag, scope: endpointScopes },
      summary: 'Send again, with the same `webhook-id`',
      description:
        `Either one delivery, or what was first to be sent from \`since\` until \`until\`, now by default. What still waits is not repeated. At most ` +
        `${replayLimit} in a call, the oldest first.`,
      body: replayBody,
      ...{ params, problems },
      answers: { 200: { description: 'How many are sent again', schema: z.strictObject({ replayed: z.int() }) } },
    },
    async (ctx, { params: { id }, body }) => {
      ctx.status = 200
      ctx.body = { replayed: await replay(db, id, body) }
    },
  ),
]

export const attemptPositionOf = ({ id }: Pick<AttemptOfDelivery, 'id'>) => ({ id: String(id) })

/** @throws Problem 404; 400 unless it is either one delivery or a time. */
export async function replay(db: Database, id: string, body: z.infer<typeof replayBody>): Promise<number> {
  const { deliveryId: one, since, until, eventTypes: types } = body
  if ((one === undefined) === (since === undefined)) {
    throw validationProblem([{ path: 'since', message: 'must be given, or deliveryId, and not both' }])
  }
  existing(await inTime(() => readEndpoint(db, id)))
  const chosen = one === undefined ? { since, until, types } : { ids: [one] }
  return inTime(() => replayDeliveries(db, id, chosen, replayLimit))
}

/** The requests of the attempts' deliveries as they would be sent now, without their signature, by the delivery. */
export async function readRequests(
  db: Database,
  endpointId: string,
  attempts: readonly AttemptOfDelivery[],
  now: number,
): Promise<Map<bigint, SignedRequest>> {
  const requests = new Map<bigint, SignedRequest>()
  for (const id of new Set(attempts.map(({ deliveryId: of }) => of))) {
    const delivery = await inTime(() => readDelivery(db, endpointId, String(id)))
    if (delivery) requests.set(id, withoutSignature(signedRequestOf(delivery, [], now)))
  }
  return requests
}

/** Whoever may look at an endpoint cannot send as Aftersend. */
const withoutSignature = ({ headers: { 'webhook-signature': _, ...headers }, body }: SignedRequest): SignedRequest => ({
  headers,
  body,
})

const longestWaitSeconds = 25
const waitMessage = `must be a whole number of seconds from 0 to ${longestWaitSeconds}`
const waitSeconds = z.coerce
  .number(waitMessage)
  .int(waitMessage)
  .min(0, waitMessage)
  .max(longestWaitSeconds, waitMessage)

/** Of each email, one: the next one follows when it is acknowledged. */
const pulledAtOnce = 100

const pullRoutes = (dependencies: EndpointDeliveryDependencies): Route[] => [
  defineRoute(
    {
      ...{ method: 'get', path: '/v1/endpoints/:id/deliveries', tag, scope: 'endpoints' },
      summary: 'Pull the next webhooks of an endpoint without a URL',
      description:
        'Signed, at most one of each email, and the same ones again until they are acknowledged. If there are none, waits for the first one for up ' +
        'to `wait` seconds. An endpoint from which nobody pulls for an hour is deleted.',
      params,
      query: z.object({ wait: waitSeconds.default(0) }),
      problems: { ...problems, 409: 'The endpoint has a URL' },
      answers: {
        200: { description: 'The next ones', schema: z.strictObject({ data: z.array(pulledWebhook) }) },
      },
    },
    async (ctx, { params: { id }, query }) => {
      const { db } = dependencies
      await requirePulled(db, id)
      await inTime(() => notePull(db, id))
      const left = () => ctx.res.closed
      ctx.body = { data: await pullWithin(dependencies, id, query.wait * 1_000, left) }
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/acknowledge', tag, scope: 'endpoints' },
      summary: 'End the delivery of pulled webhooks, whatever their outcome was',
      params,
      body: jsonObject({
        outcomes: z
          .array(
            z.object({
              deliveryId,
              status: z.int().min(100).max(599).nullable(),
              durationMs: z.int().min(0).max(86_400_000),
            }),
          )
          .min(1)
          .max(pulledAtOnce),
      }),
      problems: { ...problems, 409: 'The endpoint has a URL' },
      answers: { 204: { description: 'Ended' } },
    },
    async (ctx, { params: { id }, body }) => {
      const { db, clock } = dependencies
      await requirePulled(db, id)
      const now = clock()
      const ended = { error: null, answer: null, state: 'delivered', isCounted: true, nextAttemptAt: null } as const
      const results = body.outcomes.map((outcome) => ({ ...outcome, ...ended, at: now - outcome.durationMs }))
      const health = { failures: 0, firstFailedAt: null, notBefore: null, lastSucceededAt: now }
      await inTime(() => recordAttempts(db, id, null, results, health))
      ctx.status = 204
    },
  ),
]

async function requirePulled(db: Database, id: string): Promise<void> {
  const { url } = existing(await inTime(() => readEndpoint(db, id)))
  if (url !== null) throw new Problem(409, 'the webhooks of this endpoint are posted to its URL: create one without')
}

const lookEveryMs = 250

/** Looks for deliveries by the clock, since few programs wait. */
async function pullWithin(
  { db, clock, streams }: EndpointDeliveryDependencies,
  id: string,
  waitMs: number,
  hasLeft: () => boolean,
) {
  const endsAt = Date.now() + waitMs
  for (;;) {
    const due = await inTime(() => readDueDeliveries(db, { endpointId: id, except: [], limit: pulledAtOnce }))
    if (due.length > 0 || Date.now() >= endsAt || hasLeft()) {
      const secrets = await inTime(() => readEndpointSecrets(db, id))
      return due.map((delivery) => ({
        ...{ deliveryId: delivery.id, type: delivery.type },
        ...signedRequestOf(delivery, secrets, clock()),
      }))
    }
    await sleep(lookEveryMs)
    streams.refuseWhenFull()
  }
}
