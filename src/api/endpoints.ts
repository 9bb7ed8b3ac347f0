/** `/v1/endpoints`: what receives webhooks. */
import { z } from 'zod'
import { deleteEndpoint, listEndpoints, pauseEndpoint, readEndpoint, updateEndpoint } from '../db/endpoints.ts'
import { withBacklogs } from '../db/endpoints-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { endpointScopes } from '../domain/access.ts'
import { secretOverlapMs } from '../domain/endpoint.ts'
import { callerOf } from '../http/api-key.ts'
import { jsonObject, name, pageAnswer } from '../http/input.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { time } from './answers.ts'
import {
  addEndpoint,
  addEndpointSecret,
  announceChange,
  type EndpointDependencies,
  existing,
  noSuchEndpoint,
  readBacklogOf,
  requireUrl,
  resume,
  sendTestEvent,
} from './endpoint-commands.ts'
import { createdEndpoint, endpoint, endpointForms, endpointViewOf } from './endpoint-view.ts'

export const endpointId = name(64)
const params = z.object({ id: endpointId })
const tag = 'Endpoints'
const problems = { 404: 'No such endpoint' }

const longestOverlapSeconds = 7 * 86_400
const overlapMessage = `must be a whole number of seconds from 0 to ${longestOverlapSeconds}`
const overlap = z.int(overlapMessage).min(0, overlapMessage).max(longestOverlapSeconds, overlapMessage)

export const endpointRoutes = (dependencies: EndpointDependencies): Route[] => [
  ...setUpRoutes(dependencies, endpointForms(dependencies.mappedProviders)),
  ...commandRoutes(dependencies),
]

type Forms = ReturnType<typeof endpointForms>

const setUpRoutes = (dependencies: EndpointDependencies, { newEndpoint, endpointChanges }: Forms): Route[] => [
  defineRoute(
    {
      ...{ method: 'get', path: '/v1/endpoints', tag, scope: endpointScopes },
      summary: 'List the endpoints, newest first',
      answers: { 200: { description: 'All of them, on one page', schema: pageAnswer(endpoint) } },
    },
    async (ctx) => {
      const { db } = dependencies
      const rows = await inTime(async () => withBacklogs(db, await listEndpoints(db, null)))
      ctx.body = { data: rows.map(endpointViewOf), nextCursor: null }
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints', tag, scope: 'endpoints' },
      summary: 'Create an endpoint',
      description:
        'The answer has the secret that signs its webhooks: it cannot be shown again. `url` null: nothing is posted, and a program pulls its ' +
        'webhooks. Without `eventTypes`, it receives all. Of each of the `filters` that is given, one value must be the event’s. It belongs ' +
        'to the project of the key, or the one named by a key of `API_KEYS`, else to `default`.',
      body: newEndpoint,
      answers: { 201: { description: 'Created', schema: createdEndpoint } },
    },
    async (ctx, { body }) => {
      const { row, secret } = await addEndpoint(dependencies, body, callerOf(ctx).name)
      ctx.status = 201
      ctx.body = { ...endpointViewOf(row), secret }
    },
  ),

  defineRoute(
    {
      ...{ method: 'get', path: '/v1/endpoints/:id', tag, scope: endpointScopes },
      summary: 'Get an endpoint',
      ...{ params, problems, answers: { 200: { description: 'The endpoint', schema: endpoint } } },
    },
    async (ctx, { params: { id } }) => {
      ctx.body = endpointViewOf(await readBacklogOf(dependencies, id))
    },
  ),

  defineRoute(
    {
      ...{ method: 'patch', path: '/v1/endpoints/:id', tag, scope: 'endpoints' },
      summary: 'Change an endpoint',
      description: 'Changes what is given. What is waiting already is sent all the same.',
      ...{ params, body: endpointChanges, problems: { ...problems, 409: 'Its webhooks are pulled: it gets no URL' } },
      answers: { 200: { description: 'The changed endpoint', schema: endpoint } },
    },
    async (ctx, { params: { id }, body }) => {
      if (body.url !== undefined) await requireUrl(dependencies, id, body.url)
      existing(await inTime(() => updateEndpoint(dependencies.db, id, body)))
      ctx.body = endpointViewOf(await readBacklogOf(dependencies, id))
    },
  ),

  defineRoute(
    {
      ...{ method: 'delete', path: '/v1/endpoints/:id', tag, scope: 'endpoints' },
      summary: 'Delete an endpoint, with what it has not received',
      ...{ params, problems, answers: { 204: { description: 'Deleted' } } },
    },
    async (ctx, { params: { id } }) => {
      const isKnown = await inTime(() => deleteEndpoint(dependencies.db, id))
      if (!isKnown) throw noSuchEndpoint()
      await announceChange(dependencies, id)
      ctx.status = 204
    },
  ),
]

const commandRoutes = (dependencies: EndpointDependencies): Route[] => [
  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/pause', tag, scope: endpointScopes },
      summary: 'Pause an endpoint',
      description: 'What happens meanwhile is sent when it is resumed.',
      ...{ params, problems, answers: { 200: { description: 'The endpoint', schema: endpoint } } },
    },
    async (ctx, { params: { id } }) => {
      const { db } = dependencies
      await inTime(() => pauseEndpoint(db, id, { reason: 'person', by: callerOf(ctx).name }))
      ctx.body = endpointViewOf(await readBacklogOf(dependencies, id))
      ctx.status = 200
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/resume', tag, scope: endpointScopes },
      summary: 'Resume an endpoint',
      description:
        'Sends what it has missed, in order; with `skip`, drops that and starts with what happens from now on.',
      body: jsonObject({ skip: z.boolean('must be true or false').default(false) }),
      ...{ params, problems, answers: { 200: { description: 'The endpoint', schema: endpoint } } },
    },
    async (ctx, { params: { id }, body }) => {
      await resume(dependencies, id, body)
      ctx.status = 200
      ctx.body = endpointViewOf(await readBacklogOf(dependencies, id))
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/test', tag, scope: endpointScopes },
      summary: 'Send the event `endpoint.test`',
      params,
      problems,
      answers: { 202: { description: 'It waits to be sent', schema: z.strictObject({ deliveryId: z.string() }) } },
    },
    async (ctx, { params: { id } }) => {
      ctx.status = 202
      ctx.body = { deliveryId: await sendTestEvent(dependencies, id) }
    },
  ),

  defineRoute(
    {
      ...{ method: 'post', path: '/v1/endpoints/:id/secret', tag, scope: 'endpoints' },
      summary: 'Add a signing secret',
      description:
        'The answer has the new secret: it cannot be shown again. The present ones sign beside it for `overlapSeconds` more, a day by default.',
      body: jsonObject({ overlapSeconds: overlap.default(secretOverlapMs / 1_000) }),
      ...{ params, problems },
      answers: {
        201: {
          description: 'Added',
          schema: z.strictObject({ secret: z.string(), othersExpireAt: time }),
        },
      },
    },
    async (ctx, { params: { id }, body }) => {
      existing(await inTime(() => readEndpoint(dependencies.db, id)))
      ctx.status = 201
      ctx.body = await addEndpointSecret(dependencies, id, body.overlapSeconds * 1_000)
    },
  ),
]
