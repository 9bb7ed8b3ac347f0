/** `/v1/stream` and `/v1/emails/:id/stream`: emails as they change, as Server-Sent Events. */
import type { Context } from 'koa'
import { z } from 'zod'
import { isChangeCursor, isRetainedSince, readChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { priorities } from '../domain/events.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import type { EventStream, EventStreams } from '../http/event-streams.ts'
import { name, oneOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import {
  type ChangedEmail,
  type ChangeFeed,
  type OnChange,
  passesFilter,
  type Subscription,
} from '../live/change-feed.ts'
import { emailIdsOf } from '../providers/registry.ts'
import { emailId } from './email-input.ts'
import { noSuchEmail } from './emails.ts'
import { isoTime } from './escalation-view.ts'
import { findNamedEmail, readEmail } from './stored-emails.ts'

interface StreamDependencies {
  readonly db: Database
  readonly changes: ChangeFeed
  readonly streams: EventStreams
}

const streamQuery = z.object({
  status: oneOf(emailStatuses).optional(),
  priority: oneOf(priorities).optional(),
  tag: name(301).optional(),
  provider: name(64).optional(),
})

type StreamFilter = z.infer<typeof streamQuery>

export const streamRoutes = (dependencies: StreamDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/stream',
      tag: 'Live',
      summary: 'Stream all changes',
      description: 'Server-Sent Events named `email`, in short form; `reset` if missed changes can no longer be sent.',
      headers: { 'Last-Event-ID': { description: 'The ID of the last event, to resume after it', required: false } },
      query: streamQuery,
      answers: { 200: stream },
      problems: { 503: busy },
    },
    (ctx, { query }) => streamChanges(ctx, query, dependencies),
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/emails/:id/stream',
      tag: 'Live',
      summary: 'Stream one email',
      description: 'Server-Sent Events named `email`, each with the whole email: its current state, then every change.',
      params: z.object({ id: emailId }),
      query: z.object({ provider: name(64).optional() }),
      answers: { 200: stream },
      problems: { 404: 'No such email', 503: busy },
    },
    (ctx, { params, query }) => streamEmail(ctx, params.id, query.provider, dependencies),
  ),
]

const stream = { description: 'An endless stream', mediaType: 'text/event-stream', schema: z.string() }

/** Answers HEAD, which is routed like GET but must not open a stream. */
function answersHead(ctx: Context): boolean {
  if (ctx.method !== 'HEAD') return false
  ctx.type = 'text/event-stream'
  ctx.status = 200
  return true
}

const busy = 'All streams are in use, or PostgreSQL does not answer: try again after `Retry-After`'

/**
 * Sends every email that changes, in short form. Subscribes before it reads missed changes, so that none falls between the
 * two. Changes during that reading are read from the log too, instead of being buffered for a slow client.
 */
async function streamChanges(ctx: Context, filter: StreamFilter, dependencies: StreamDependencies): Promise<void> {
  if (answersHead(ctx)) return
  const { db, changes, streams } = dependencies
  streams.refuseWhenFull()
  let latest = ''
  let onChange: OnChange = ({ cursor }) => {
    latest = cursor
  }
  const subscription = await inTime(() => changes.subscribe(filter, (change) => onChange(change)))
  const stream = openFor(ctx, streams, subscription)
  let reached = subscription.cursor
  latest ||= reached
  const lastId = ctx.get('Last-Event-ID')
  try {
    if (lastId !== '') reached = await resume(stream, db, filter, lastId, () => latest)
  } catch {
    // The client reconnects and resumes.
    stream.end()
  }
  stream.reached(reached)
  onChange = ({ emails, cursor }) => {
    for (const email of emails) {
      // The new cursor is reached with the last of them.
      if (email === emails.at(-1)) reached = cursor
      stream.send({ event: 'email', data: changeView(email), id: reached })
    }
    reached = cursor
    stream.reached(reached)
  }
}

/**
 * Sends what changed after the client's last event, or `reset` if the log no longer has all of it.
 * @param latest the cursor up to which changes are known.
 * @returns the cursor that was reached.
 */
async function resume(
  stream: EventStream,
  db: Database,
  filter: StreamFilter,
  lastId: string,
  latest: () => string,
): Promise<string> {
  if (!isChangeCursor(lastId) || !(await inTime(() => isRetainedSince(db, lastId)))) {
    stream.send({ event: 'reset', data: { detail: 'changes were missed: read again what you show' }, id: latest() })
    return latest()
  }
  let since = lastId
  for (let until = latest(); since !== until && !stream.isClosed; until = latest()) {
    for await (const emails of readChanges(db, since, until)) {
      for (const email of emails.filter((changed) => passesFilter(changed, filter))) {
        stream.send({ event: 'email', data: changeView(email), id: since })
        // Many changes may be missing: they are sent as fast as the client reads.
        await stream.drained()
        if (stream.isClosed) return since
      }
    }
    since = until
  }
  return since
}

/** Sends one whole email, now and after every change. There is nothing to resume: a reconnect gets the current state. */
async function streamEmail(
  ctx: Context,
  named: string,
  provider: string | undefined,
  { db, changes, streams }: StreamDependencies,
): Promise<void> {
  if (answersHead(ctx)) return
  streams.refuseWhenFull()
  const isOneName = emailIdsOf(named, provider).length === 1 && !named.includes('@')
  const id = isOneName ? named : ((await inTime(() => findNamedEmail(db, named, provider)))?.id ?? named)
  let onChange: OnChange = () => {}
  const subscription = await inTime(() => changes.subscribe({ id, provider }, (change) => onChange(change)))
  const first = await inTime(() => readEmail(db, id, provider)).catch(endThenThrow(subscription))
  if (first === null) {
    subscription.end()
    throw new Problem(404, noSuchEmail)
  }
  const stream = openFor(ctx, streams, subscription)
  let [sent, reached] = [first, subscription.cursor]
  stream.send({ event: 'email', data: sent, id: reached })
  const reread = async () => {
    const id = reached
    const email = await inTime(() => readEmail(db, first.id, first.provider))
    if (email === null || JSON.stringify(email) === JSON.stringify(sent)) return
    sent = email
    stream.send({ event: 'email', data: email, id })
  }
  // If the database does not answer, the stream ends: the client reconnects and gets the current state.
  const rereadOnce = oneAtATime(reread, () => stream.end())
  onChange = ({ emails, cursor }) => {
    reached = cursor
    if (emails.length > 0) rereadOnce()
  }
  // For changes between the subscription and the first read.
  rereadOnce()
}

/** Runs `work` for every call, but never concurrently: calls during a run share the next one. */
function oneAtATime(work: () => Promise<void>, onFailure: () => void): () => void {
  let isRunning = false
  let isCalled = false
  const run = async () => {
    isRunning = true
    while (isCalled) {
      isCalled = false
      await work().catch(onFailure)
    }
    isRunning = false
  }
  return () => {
    isCalled = true
    if (!isRunning) void run()
  }
}

function openFor(ctx: Context, streams: EventStreams, subscription: Subscription): EventStream {
  try {
    const stream = streams.open(ctx)
    stream.onClose(() => subscription.end())
    return stream
  } catch (error) {
    return endThenThrow(subscription)(error)
  }
}

const endThenThrow =
  (subscription: Subscription) =>
  (error: unknown): never => {
    subscription.end()
    throw error
  }

/** An email in short form. */
const changeView = (email: ChangedEmail) => ({
  id: email.id,
  provider: email.provider,
  to: email.to.length > 1 ? email.to : (email.to[0] ?? null),
  subject: email.subject,
  priority: email.priority,
  tags: email.tags,
  externalId: email.externalId,
  metadata: email.metadata,
  status: email.status,
  delivery: email.delivery,
  opens: email.opens,
  clicks: email.clicks,
  openEscalations: email.openEscalations,
  createdAt: isoTime(email.createdAt),
  updatedAt: isoTime(email.updatedAt),
})
