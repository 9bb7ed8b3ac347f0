/** The list of events by state, and the forms to replay them. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { type EventState, type ListedEvent, listEvents } from '../db/events-read.ts'
import { replayEvents, replayQuarantined } from '../db/replay.ts'
import { inTime } from '../db/request-deadline.ts'
import { cursor, cursorTime, name, pageOf, parseInput } from '../http/input.ts'
import { Allowed, useAllowed } from './components/allowed.tsx'
import { stateOf, typeLabel } from './components/event-table.tsx'
import { EmptyState, PageHead } from './components/layout.tsx'
import { type PageLinks, Pager } from './components/pager.tsx'
import { Status } from './components/status.tsx'
import { Table } from './components/table.tsx'
import { Tabs } from './components/tabs.tsx'
import { Timestamp } from './components/timestamp.tsx'
import { readForm, seeOther } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { emailPath, eventPath, pathWith } from './paths.ts'

interface EventPagesDependencies {
  readonly db: Database
  readonly pages: PageRenderer
}

const pageLength = 50
const shownStates = ['quarantined', 'pending', 'unknown', 'applied'] as const satisfies readonly EventState[]
type ShownState = (typeof shownStates)[number]

const eventId = name(1_000)
const querySchema = z.object({
  state: z.enum(shownStates).catch('quarantined'),
  cursor: cursor(z.object({ receivedAt: cursorTime, provider: name(64), id: eventId })).catch(null),
})

/** The value of a checkbox: provider and event ID. */
const eventKey = z
  .string()
  .transform((json, issues) => {
    try {
      return JSON.parse(json)
    } catch {
      issues.addIssue({ code: 'custom', message: 'must be a provider and an event ID' })
      return z.NEVER
    }
  })
  .pipe(z.tuple([name(64), eventId]))
  .transform(([provider, id]) => ({ provider, id }))

/** For one request. */
const replayLimit = 1_000

const selectedEvents = z
  .array(eventKey)
  .min(1, 'must have at least 1 event: select the events to replay')
  .max(replayLimit)

export function addEventPages(router: PageRouter, { db, pages }: EventPagesDependencies): void {
  router.get('/events', 'read', async (ctx) => {
    const { state, cursor: after } = querySchema.parse(ctx.query)
    const rows = await inTime(() => listEvents(db, { state }, after, pageLength + 1))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const links = { path: '/events', query: { state }, nextCursor, isFurther: after !== null }
    const body = <EventList events={data} state={state} links={links} />
    await pages.show(ctx, { title: 'Events', section: '/events', live: '/live', body })
  })

  router.post('/events/replay', 'operate', async (ctx) => {
    const { all } = await readForm(ctx)
    const keys = parseInput(selectedEvents, all.getAll('event'), 'body')
    const { replayed } = await inTime(() => replayEvents(db, keys))
    seeOther(ctx, withNotice('/events', replayed > 0 ? 'replayed' : 'nothing-replayed'))
  })

  router.post('/events/replay-all', 'operate', async (ctx) => {
    await inTime(() => replayQuarantined(db, {}, null, replayLimit))
    seeOther(ctx, withNotice('/events', 'replayed'))
  })
}

const positionOf = ({ receivedAt, provider, eventId: id }: ListedEvent) => ({
  receivedAt: receivedAt.toISOString(),
  provider,
  id,
})

/** Only these can be replayed. */
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
        <Allowed to="operate">
          <form method="post" action="/events/replay-all">
            <button type="submit">Replay all quarantined</button>
          </form>
        </Allowed>
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
      <Rows events={events} links={links} />
    ) : (
      <EmptyState title={emptyTitles[state]}>{emptyTexts[state]}</EmptyState>
    )}
  </>
)

function Rows({ events, links }: Pick<EventListProps, 'events' | 'links'>) {
  if (!useAllowed('operate') || !events.some(isUnapplied)) {
    return (
      <>
        <EventRows events={events} isSelectable={false} />
        <Pager {...links} />
      </>
    )
  }
  return (
    <form method="post" action="/events/replay">
      <EventRows events={events} isSelectable />
      <div class="list-foot">
        <button type="submit" class="primary">
          Replay selected
        </button>
        <Pager {...links} />
      </div>
    </form>
  )
}

const emptyTitles: Readonly<Record<ShownState, string>> = {
  quarantined: 'No quarantined events',
  pending: 'No pending events',
  unknown: 'No events of unknown types',
  applied: 'No applied events yet',
}

const emptyTexts: Readonly<Record<ShownState, string>> = {
  quarantined: 'An event that cannot be applied is quarantined with the reason. Fix the cause, then replay it.',
  pending:
    'Events are pending until their workflow applies them: for seconds, unless Temporal or the workers are down.',
  unknown: 'Events of types that do not change the status of an email are stored, and listed here.',
  applied: 'Setup shows the webhook addresses for your provider.',
}

const EventRows = ({ events, isSelectable }: { events: readonly ListedEvent[]; isSelectable: boolean }) => (
  <Table
    caption="Events, newest first"
    columns={[
      ...(isSelectable ? [['Select', 'select', 'hidden'] as const] : []),
      'State',
      'Event',
      ['Email', 'wide'],
      ['Received (UTC)', 'wide number'],
    ]}
  >
    {events.map((event) => (
      <EventRow key={`${event.provider}/${event.eventId}`} event={event} isSelectable={isSelectable} />
    ))}
  </Table>
)

const EventRow = ({ event, isSelectable }: { event: ListedEvent; isSelectable: boolean }) => (
  <tr>
    {isSelectable && (
      <td class="select">
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
        {typeLabel(event.type)}
      </a>
      <span class="clip muted">
        {event.provider} <code>{event.eventId}</code>
      </span>
      <span class="narrow muted small">
        <Timestamp at={event.receivedAt} zone />
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
      <Timestamp at={event.receivedAt} />
    </td>
  </tr>
)
