/** The page of an event, with its payload. */
import { z } from 'zod'
import { readPayload } from '../db/dashboard-read.ts'
import type { Database } from '../db/database.ts'
import { findEvent } from '../db/events-read.ts'
import type { Event } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { name, parseInput } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { Allowed } from './components/allowed.tsx'
import { stateOf, typeLabel } from './components/event-table.tsx'
import { Fact } from './components/fact.tsx'
import { PageHead } from './components/layout.tsx'
import { indented } from './components/payload-text.ts'
import { Status } from './components/status.tsx'
import { Timestamp } from './components/timestamp.tsx'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { emailPath } from './paths.ts'

const path = z.object({ provider: name(64), id: name(1_000) })

export function addEventPage(router: PageRouter, { db, pages }: { db: Database; pages: PageRenderer }): void {
  router.get('/events/:provider/:id', 'read', async (ctx) => {
    const key = parseInput(path, ctx.params, 'path')
    const [event, payload] = await inTime(() => Promise.all([findEvent(db, key), readPayload(db, key)]))
    if (event === null) throw new Problem(404, 'this event is not known')
    const body = <EventBody event={event} payload={payload} />
    await pages.show(ctx, { title: `Event ${key.id}`, section: '/events', body })
  })
}

const EventBody = ({ event, payload }: { event: Event; payload: string | null }) => (
  <>
    <PageHead title={typeLabel(event.type)} parent="/events">
      {event.appliedAt === null && (
        <Allowed to="operate">
          <form method="post" action="/events/replay">
            <input type="hidden" name="event" value={JSON.stringify([event.provider, event.eventId])} />
            <button type="submit">Replay</button>
          </form>
        </Allowed>
      )}
    </PageHead>
    <p class="lead">
      <Status of={stateOf(event)} />
      <code>{event.eventId}</code>
    </p>
    {event.quarantinedReason !== null && <p class="error">{event.quarantinedReason}</p>}
    <dl class="facts card">
      <Fact name="Email">
        <a href={emailPath(event.provider, event.emailId)}>
          <code>{event.emailId}</code>
        </a>
      </Fact>
      <Fact name="Occurred">
        <Timestamp at={event.occurredAt} exact zone />
      </Fact>
      <Fact name="Received">
        <Timestamp at={event.receivedAt} exact zone />
      </Fact>
      <Fact name="Applied">
        <Timestamp at={event.appliedAt} exact zone />
      </Fact>
      <Fact name="Provider">{event.provider}</Fact>
      <Fact name="Failed attempts">{event.attempts}</Fact>
    </dl>
    <section aria-labelledby="payload-head">
      <h2 id="payload-head">Payload</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section id="payload" class="payload-text" tabIndex={0} aria-label="Payload">
        {payload === null ? <p class="muted">The payload was erased.</p> : <pre>{indented(payload)}</pre>}
      </section>
    </section>
  </>
)
