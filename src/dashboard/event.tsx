/** One event with its payload: where links and unfolded payloads lead. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { name, parseInput } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import { type EventWithPayload, findEvent } from '../db/dashboard-read.ts'
import type { Database } from '../db/database.ts'
import { emailPath } from './email-rows.tsx'
import { stateOf, typeWord } from './event-table.tsx'
import { PageHead } from './layout.tsx'
import type { Pages } from './pages.tsx'
import { indented } from './payload-text.ts'
import { Status } from './status.tsx'
import { Moment } from './time.tsx'

const path = z.object({ provider: name(64), eventId: name(255) })

export function addEventPage(router: Router, { db, pages }: { db: Database; pages: Pages }): void {
  router.get('/events/:provider/:eventId', async (ctx) => {
    const { provider, eventId } = parseInput(path, ctx.params, 'path')
    const event = await inTime(() => findEvent(db, provider, eventId))
    if (event === null) throw new Problem(404, 'no such event is stored')
    await pages.show(ctx, { title: `Event ${eventId}`, section: '/emails', body: <EventBody event={event} /> })
  })
}

const EventBody = ({ event }: { event: EventWithPayload }) => (
  <>
    <p class="crumb">
      <a href={emailPath(event.provider, event.emailId)}>
        Email <code>{event.emailId}</code>
      </a>
    </p>
    <PageHead title={typeWord(event.type)} />
    <p class="lead">
      <Status of={stateOf(event)} />
      <code>{event.eventId}</code>
    </p>
    {event.quarantinedReason !== null && <p class="mistake">{event.quarantinedReason}</p>}
    <dl class="facts card">
      <div>
        <dt>Happened</dt>
        <dd>
          <Moment at={event.occurredAt} exact zone />
        </dd>
      </div>
      <div>
        <dt>Received</dt>
        <dd>
          <Moment at={event.receivedAt} exact zone />
        </dd>
      </div>
      <div>
        <dt>Applied</dt>
        <dd>
          <Moment at={event.appliedAt} exact zone />
        </dd>
      </div>
      <div>
        <dt>Provider</dt>
        <dd>{event.provider}</dd>
      </div>
    </dl>
    <h2>Payload</h2>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
    <section id="payload" class="payload-text" tabIndex={0} aria-label="Payload">
      <pre>{indented(event.payload)}</pre>
    </section>
  </>
)
