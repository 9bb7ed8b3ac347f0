/** The page of one endpoint: its state and attempts; test, pause, resume, send again, rotate the secret, delete. */

import type { Context } from 'koa'
import ms from 'ms'
import { z } from 'zod'
import {
  addEndpointSecret,
  announceChange,
  existing,
  readBacklogOf,
  resume,
  sendTestEvent,
} from '../api/endpoint-commands.ts'
import { attemptPositionOf, attemptsQuery, readRequests, replay } from '../api/endpoint-deliveries.ts'
import { endpointId } from '../api/endpoints.ts'
import { deleteEndpoint, pauseEndpoint, readEndpoint } from '../db/endpoints.ts'
import { listAttempts } from '../db/endpoints-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { endpointScopes } from '../domain/access.ts'
import { oneOf, pageOf, parseInput } from '../http/input.ts'
import { EndpointPage, replaySpans } from './components/endpoint.tsx'
import { nameOfEndpoint } from './components/endpoint-list.tsx'
import type { EndpointPagesDependencies } from './endpoints.tsx'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { endpointPath } from './paths.ts'

const path = '/setup/endpoints/:id'
const pageLength = 25

const query = z.object({
  outcome: z.literal('failed').optional().catch(undefined),
  cursor: attemptsQuery.shape.cursor.catch(null),
})
const replayForm = z.object({ deliveryId: z.string().optional(), since: oneOf(replaySpans).optional() })
const overlapForm = z.object({ overlap: oneOf(['0', '86400', '604800']) })

export function addEndpointPage(router: PageRouter, dependencies: EndpointPagesDependencies): void {
  const { db, clock } = dependencies
  const idIn = (ctx: Context) => parseInput(z.object({ id: endpointId }), ctx['params'], 'path').id
  const toPage = (ctx: Context, id: string, done: string) => seeOther(ctx, withNotice(endpointPath(id), done))

  router.get(path, endpointScopes, (ctx) => showEndpoint(ctx, dependencies, idIn(ctx), {}))

  router.post(`${path}/test`, endpointScopes, async (ctx) => {
    await sendTestEvent(dependencies, idIn(ctx))
    toPage(ctx, idIn(ctx), 'endpoint-tested')
  })

  router.post(`${path}/pause`, endpointScopes, async (ctx) => {
    const id = idIn(ctx)
    existing(await inTime(() => readEndpoint(db, id)))
    await inTime(() => pauseEndpoint(db, id, { reason: 'person', by: sessionOf(ctx).name }))
    toPage(ctx, id, 'endpoint-paused')
  })

  router.post(`${path}/resume`, endpointScopes, async (ctx) => {
    const id = idIn(ctx)
    const { fields } = await readForm(ctx)
    await resume(dependencies, id, { skip: fields['skip'] === 'yes' })
    toPage(ctx, id, 'endpoint-resumed')
  })

  router.post(`${path}/replay`, endpointScopes, async (ctx) => {
    const id = idIn(ctx)
    const { deliveryId, since } = parseInput(replayForm, (await readForm(ctx)).fields, 'body')
    const replayed = await replay(db, id, since === undefined ? { deliveryId } : { since: clock() - ms(since) })
    toPage(ctx, id, replayed > 0 ? 'endpoint-replayed' : 'nothing-sent-again')
  })

  router.post(`${path}/secret`, 'endpoints', async (ctx) => {
    const id = idIn(ctx)
    existing(await inTime(() => readEndpoint(db, id)))
    const { overlap } = parseInput(overlapForm, (await readForm(ctx)).fields, 'body')
    const { secret } = await addEndpointSecret(dependencies, id, Number(overlap) * 1_000)
    await showEndpoint(ctx, dependencies, id, { secret })
  })

  router.post(`${path}/delete`, 'endpoints', async (ctx) => {
    const id = idIn(ctx)
    existing((await inTime(() => deleteEndpoint(db, id))) || null)
    await announceChange(dependencies, id)
    seeOther(ctx, withNotice('/setup/endpoints', 'endpoint-deleted'))
  })
}

async function showEndpoint(
  ctx: Context,
  dependencies: EndpointPagesDependencies,
  id: string,
  more: { readonly secret?: string },
): Promise<void> {
  const { db, pages, clock } = dependencies
  const { outcome, cursor: before } = query.parse(ctx.query)
  const endpoint = await readBacklogOf(dependencies, id)
  const rows = await inTime(() => listAttempts(db, { endpointId: id, outcome, before, limit: pageLength + 1 }))
  const { data, nextCursor } = pageOf(rows, pageLength, attemptPositionOf, rows)
  const requests = await readRequests(db, id, data, clock())
  const attempts = data.map((attempt) => ({ attempt, request: requests.get(attempt.deliveryId) ?? null }))
  const links = { path: endpointPath(id), query: { outcome }, nextCursor, isFurther: before !== null }
  const body = <EndpointPage {...{ endpoint, attempts, outcome, links }} {...more} />
  await pages.show(ctx, { title: nameOfEndpoint(endpoint), section: '/setup', body })
}
