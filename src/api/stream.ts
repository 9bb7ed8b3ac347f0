/** Live status: emails told as they change, for as long as somebody listens. */
import type { Context } from 'koa'
import { z } from 'zod'
import { isChangePlace, isKeptSince, readChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { priorities } from '../domain/events.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import {
  type ChangedEmail,
  type ChangeFeed,
  type OnChange,
  passesFilter,
  type Subscription,
} from '../live/change-feed.ts'
import { inTime } from './deadlines.ts'
import { readEmail } from './emails.ts'
import { isoTime } from './escalation-view.ts'
import type { EventStream, EventStreams } from './event-streams.ts'
import { emailId, name } from './input.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

interface StreamDependencies {
  readonly db: Database
  readonly changes: ChangeFeed
  readonly streams: EventStreams
}

const firehoseQuery = z.object({
  status: z.enum(emailStatuses, `wants one of ${emailStatuses.join(', ')}`).optional(),
  priority: z.enum(priorities, `wants one of ${priorities.join(', ')}`).optional(),
  tag: name(301).optional(),
  provider: name(64).optional(),
})

type FirehoseFilter = z.infer<typeof firehoseQuery>

/** `GET /v1/stream` and `GET /v1/emails/:id/stream`. */
export const streamRoutes = (dependencies: StreamDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/stream',
      tag: 'Live',
      summary: 'Emails as they change',
      description: 'Server-Sent Events named `email`, in short; `reset` when what was missed is not known any more.',
      headers: { 'Last-Event-ID': { description: 'The last event that was seen, to go on from', required: false } },
      query: firehoseQuery,
      answers: { 200: stream },
      problems: { 503: busy },
    },
    (ctx, { query }) => tellChanges(ctx, query, dependencies),
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/emails/:id/stream',
      tag: 'Live',
      summary: 'One email as it changes',
      description:
        'Server-Sent Events named `email`, each with the email in full: how it stands, and then every change.',
      params: z.object({ id: emailId }),
      query: z.object({ provider: name(64).optional() }),
      answers: { 200: stream },
      problems: { 404: 'Nothing was heard of such an email', 503: busy },
    },
    (ctx, { params, query }) => tellEmail(ctx, params.id, query.provider, dependencies),
  ),
]

const stream = { description: 'A stream that does not end', mediaType: 'text/event-stream', schema: z.string() }
/** A HEAD is routed like a GET; it asks what would come, and must not hold a stream. */
function isAnswered(ctx: Context): boolean {
  if (ctx.method !== 'HEAD') return false
  ctx.type = 'text/event-stream'
  ctx.status = 200
  return true
}

const busy = 'Too many listen already, or a server that it needs does not answer now: try again'

/**
 * Every email that changes, in short. Subscribed before the past is read, so that nothing falls between the two; what
 * changes while the past is told is read as the past too, and not kept in memory for a client that may be slow.
 */
async function tellChanges(ctx: Context, filter: FirehoseFilter, dependencies: StreamDependencies): Promise<void> {
  if (isAnswered(ctx)) return
  const { db, changes, streams } = dependencies
  streams.refuseWhenFull()
  let latest = ''
  let tell: OnChange = ({ place }) => {
    latest = place
  }
  const subscription = await inTime(() => changes.subscribe(filter, (change) => tell(change)))
  const stream = openFor(ctx, streams, subscription)
  let reached = subscription.place
  latest ||= reached
  const lastId = ctx.get('Last-Event-ID')
  try {
    if (lastId !== '') reached = await resume(stream, db, filter, lastId, () => latest)
  } catch {
    // The client comes back, and is told then.
    stream.end()
  }
  stream.reached(reached)
  tell = ({ emails, place }) => {
    for (const email of emails) {
      // Only with the last of them is all told that lies before the new place.
      if (email === emails.at(-1)) reached = place
      stream.send({ event: 'email', data: changeView(email), id: reached })
    }
    reached = place
    stream.reached(reached)
  }
}

/**
 * Tells what changed since the client was here; or that it must read anew, when that is not known any more.
 * @param latest the place up to which changes are known by now.
 * @returns the place that was reached: the latest one.
 */
async function resume(
  stream: EventStream,
  db: Database,
  filter: FirehoseFilter,
  lastId: string,
  latest: () => string,
): Promise<string> {
  if (!isChangePlace(lastId) || !(await inTime(() => isKeptSince(db, lastId)))) {
    stream.send({ event: 'reset', data: { detail: 'changes were missed; read what you show anew' }, id: latest() })
    return latest()
  }
  let since = lastId
  for (let until = latest(); since !== until && !stream.isClosed; until = latest()) {
    for await (const emails of readChanges(db, since, until)) {
      for (const email of emails.filter((changed) => passesFilter(changed, filter))) {
        stream.send({ event: 'email', data: changeView(email), id: since })
        // The past may be long: it is told as fast as it is read, and nobody is dropped for it.
        await stream.drained()
        if (stream.isClosed) return since
      }
    }
    since = until
  }
  return since
}

/** One email in full, now and after every change. A client that comes back is told how it stands: nothing to resume. */
async function tellEmail(
  ctx: Context,
  id: string,
  provider: string | undefined,
  { db, changes, streams }: StreamDependencies,
): Promise<void> {
  if (isAnswered(ctx)) return
  streams.refuseWhenFull()
  let onChange: OnChange = () => {}
  const subscription = await inTime(() => changes.subscribe({ id, provider }, (change) => onChange(change)))
  const first = await inTime(() => readEmail(db, id, provider)).catch(endThenThrow(subscription))
  if (first === null) {
    subscription.end()
    throw new Problem(404, 'nothing was heard of such an email')
  }
  const stream = openFor(ctx, streams, subscription)
  let [told, reached] = [first, subscription.place]
  stream.send({ event: 'email', data: told, id: reached })
  const reread = async () => {
    const id = reached
    const email = await inTime(() => readEmail(db, first.id, first.provider))
    if (email === null || JSON.stringify(email) === JSON.stringify(told)) return
    told = email
    stream.send({ event: 'email', data: email, id })
  }
  // A database that is away ends the stream: the client comes back and is told how the email stands then.
  const rereadOnce = oneAfterAnother(reread, () => stream.end())
  onChange = ({ emails, place }) => {
    reached = place
    if (emails.length > 0) rereadOnce()
  }
  // What changed between the subscription and the first read was told to nobody.
  rereadOnce()
}

/** Runs `work` for every call, but never twice at once: calls that come meanwhile share one more run. */
function oneAfterAnother(work: () => Promise<void>, onFailure: () => void): () => void {
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

/** A changed email as the firehose tells it. */
const changeView = (email: ChangedEmail) => ({
  id: email.id,
  provider: email.provider,
  to: email.to.length > 1 ? email.to : (email.to[0] ?? null),
  subject: email.subject,
  priority: email.priority,
  tags: email.tags,
  status: email.status,
  delivery: email.delivery,
  opens: email.opens,
  clicks: email.clicks,
  openEscalations: email.openEscalations,
  createdAt: isoTime(email.createdAt),
  updatedAt: isoTime(email.updatedAt),
})
