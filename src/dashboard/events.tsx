/** Events that need an operator's eye: what waits, what was put aside, what has no meaning; and having them tried again. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { cursor, cursorTime, name, pageOf, parseInput } from '../api/input.ts'
import type { Database } from '../db/database.ts'
import { type EventState, type ListedEvent, listEvents } from '../db/events-read.ts'
import { replayEvents, replayQuarantined } from '../db/replay.ts'
import { emailPath } from './email-rows.tsx'
import { eventPath, stateOf, typeWord } from './event-table.tsx'
import { readForm } from './guards.ts'
import { Empty, PageHead } from './layout.tsx'
import { type PageLinks, Pager, pathWith } from './pager.tsx'
import { backWith, type Pages, seeOther } from './pages.tsx'
import { Status } from './status.tsx'
import { Tabs } from './tabs.tsx'
import { Moment } from './time.tsx'

interface EventPagesDependencies {
  readonly db: Database
  readonly pages: Pages
}

const pageLength = 50
const shownStates = ['quarantined', 'pending', 'unknown', 'applied'] as const satisfies readonly EventState[]
type ShownState = (typeof shownStates)[number]

const eventId = name(1_000)
const query = z.object({
  state: z.enum(shownStates).catch('quarantined'),
  cursor: cursor(z.object({ receivedAt: cursorTime, provider: name(64), id: eventId })).catch(null),
})

/** One checkbox: both halves of an event's key. */
const eventKey = z
  .string()
  .transform((json, issues) => {
    try {
      return JSON.parse(json)
    } catch {
      issues.addIssue({ code: 'custom', message: 'wants an event' })
      return z.NEVER
    }
  })
  .pipe(z.tuple([name(64), eventId]))
  .transform(([provider, id]) => ({ provider, id }))

const chosenEvents = z
  .array(eventKey)
  .min(1, 'wants at least 1 event: tick those that are to be tried again')
  .max(1_000)

/** What is tried again at one press. */
const replayLimit = 1_000

export function addEventPages(router: Router, { db, pages }: EventPagesDependencies): void {
  router.get('/events', async (ctx) => {
    const { state, cursor: after } = query.parse(ctx.query)
    const rows = await inTime(() => listEvents(db, { state }, after, pageLength + 1))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const links = { path: '/events', query: { state }, nextCursor, isFurther: after !== null }
    const body = <EventList events={data} state={state} links={links} />
    await pages.show(ctx, { title: 'Events', section: '/events', live: '/live', body })
  })

  router.post('/events/replay', async (ctx) => {
    const { all } = await readForm(ctx)
    const keys = parseInput(chosenEvents, all.getAll('event'), 'body')
    const { replayed } = await inTime(() => replayEvents(db, keys))
    seeOther(ctx, backWith('/events', replayed > 0 ? 'replayed' : 'nothing-replayed'))
  })

  router.post('/events/replay-all', async (ctx) => {
    await inTime(() => replayQuarantined(db, {}, null, replayLimit))
    seeOther(ctx, backWith('/events', 'replayed'))
  })
}

const positionOf = ({ receivedAt, provider, eventId: id }: ListedEvent) => ({
  receivedAt: receivedAt.toISOString(),
  provider,
  id,
})

/** What was applied is never tried again. */
const isUnapplied = ({ appliedAt }: ListedEvent): boolean => appliedAt === null

interface EventListProps {
  readonly events: readonly ListedEvent[]
  readonly state: ShownState
  readonly links: PageLinks
}

const tabNames: Readonly<Record<ShownState, string>> = {
  quarantined: 'Quarantined',
  pending: 'Pending',
  unknown: 'Unknown types',
  applied: 'Applied',
}

const EventList = ({ events, state, links }: EventListProps) => (
  <>
    <PageHead title="Events">
      {state === 'quarantined' && events.length > 1 && (
        <form method="post" action="/events/replay-all">
          <button type="submit">Replay all quarantined</button>
        </form>
      )}
    </PageHead>
    <Tabs
      label="By state"
      tabs={shownStates.map((tab) => ({
        name: tabNames[tab],
        href: pathWith('/events', { state: tab }),
        isCurrent: tab === state,
      }))}
    />
    {events.length > 0 ? (
      <form method="post" action="/events/replay">
        <EventRows events={events} isTickable={events.some(isUnapplied)} />
        <div class="list-foot">
          {events.some(isUnapplied) && (
            <button type="submit" class="primary">
              Replay the ticked
            </button>
          )}
          <Pager {...links} />
        </div>
      </form>
    ) : (
      <Empty title={emptyTitles[state]}>{emptyTexts[state]}</Empty>
    )}
  </>
)

const emptyTitles: Readonly<Record<ShownState, string>> = {
  quarantined: 'Nothing was put aside',
  pending: 'Nothing waits',
  unknown: 'Every type has a meaning',
  applied: 'Nothing was applied yet',
}

const emptyTexts: Readonly<Record<ShownState, string>> = {
  quarantined: 'An event that cannot be applied appears here with its reason. Mend the reason, then replay it.',
  pending:
    'Events wait here between their webhook and their workflow: for moments, unless Temporal or workers are away.',
  unknown: 'Events of a type that the lifecycle gives no meaning to are kept and shown here.',
  applied: 'Send your provider’s webhooks here; Setup says where to.',
}

const EventRows = ({ events, isTickable }: { events: readonly ListedEvent[]; isTickable: boolean }) => (
  <div class="table-frame">
    <table>
      <caption class="hidden-text">Events, newest first</caption>
      <thead>
        <tr>
          {isTickable && (
            <th scope="col" class="tick">
              <span class="hidden-text">Tick</span>
            </th>
          )}
          <th scope="col">State</th>
          <th scope="col">Event</th>
          <th scope="col" class="wide">
            Email
          </th>
          <th scope="col" class="wide number">
            Received (UTC)
          </th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <EventRow key={`${event.provider}/${event.eventId}`} event={event} isTickable={isTickable} />
        ))}
      </tbody>
    </table>
  </div>
)

const EventRow = ({ event, isTickable }: { event: ListedEvent; isTickable: boolean }) => (
  <tr>
    {isTickable && (
      <td class="tick">
        {event.appliedAt === null && (
          <input
            type="checkbox"
            name="event"
            value={JSON.stringify([event.provider, event.eventId])}
            aria-label={`Event ${event.eventId}`}
          />
        )}
      </td>
    )}
    <td>
      <Status of={stateOf(event)} />
    </td>
    <td class="main-cell">
      <a class="row-link" href={eventPath(event)}>
        {typeWord(event.type)}
      </a>
      <span class="clip muted">
        {event.provider} <code>{event.eventId}</code>
      </span>
      <span class="narrow muted small">
        <Moment at={event.receivedAt} zone />
      </span>
      {event.quarantinedReason !== null && <span class="block reason">{event.quarantinedReason}</span>}
    </td>
    <td class="wide">
      <a href={emailPath(event.provider, event.emailId)}>
        <code class="clip" title={event.emailId}>
          {event.emailId}
        </code>
      </a>
    </td>
    <td class="wide number when">
      <Moment at={event.receivedAt} />
    </td>
  </tr>
)
