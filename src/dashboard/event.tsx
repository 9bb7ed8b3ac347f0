/** One event with its payload: where links and unfolded payloads lead. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { name, parseInput } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import { readPayload } from '../db/dashboard-read.ts'
import type { Database } from '../db/database.ts'
import { findEvent } from '../db/events-read.ts'
import type { Event } from '../db/generated/client.ts'
import { Fact } from './email-facts.tsx'
import { emailPath } from './email-rows.tsx'
import { stateOf, typeWord } from './event-table.tsx'
import { PageHead } from './layout.tsx'
import type { Pages } from './pages.tsx'
import { indented } from './payload-text.ts'
import { Status } from './status.tsx'
import { Moment } from './time.tsx'

const path = z.object({ provider: name(64), id: name(1_000) })

export function addEventPage(router: Router, { db, pages }: { db: Database; pages: Pages }): void {
  router.get('/events/:provider/:id', async (ctx) => {
    const key = parseInput(path, ctx.params, 'path')
    const [event, payload] = await inTime(() => Promise.all([findEvent(db, key), readPayload(db, key)]))
    if (event === null) throw new Problem(404, 'no such event is stored')
    const body = <EventBody event={event} payload={payload} />
    await pages.show(ctx, { title: `Event ${key.id}`, section: '/events', body })
  })
}

const EventBody = ({ event, payload }: { event: Event; payload: string | null }) => (
  <>
    <p class="crumb">
      <a href="/events">Events</a>
    </p>
    <PageHead title={typeWord(event.type)}>
      {event.appliedAt === null && (
        <form method="post" action="/events/replay">
          <input type="hidden" name="event" value={JSON.stringify([event.provider, event.eventId])} />
          <button type="submit">Replay</button>
        </form>
      )}
    </PageHead>
    <p class="lead">
      <Status of={stateOf(event)} />
      <code>{event.eventId}</code>
    </p>
    {event.quarantinedReason !== null && <p class="mistake">{event.quarantinedReason}</p>}
    <dl class="facts card">
      <Fact name="Email">
        <a href={emailPath(event.provider, event.emailId)}>
          <code>{event.emailId}</code>
        </a>
      </Fact>
      <Fact name="Happened">
        <Moment at={event.occurredAt} exact zone />
      </Fact>
      <Fact name="Received">
        <Moment at={event.receivedAt} exact zone />
      </Fact>
      <Fact name="Applied">
        <Moment at={event.appliedAt} exact zone />
      </Fact>
      <Fact name="Provider">{event.provider}</Fact>
      <Fact name="Failed attempts">{event.attempts}</Fact>
    </dl>
    <section aria-labelledby="payload-head">
      <h2 id="payload-head">Payload</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section id="payload" class="payload-text" tabIndex={0} aria-label="Payload">
        {payload === null ? <p class="muted">Erased; the event itself stays.</p> : <pre>{indented(payload)}</pre>}
      </section>
    </section>
  </>
)
