/** Events of one email, each with what it did and, when asked for, its payload. */
import type { StoredEvent } from '../db/emails-read.ts'
import type { EventEffect } from '../domain/event-effect.ts'
import { registrationEventType } from '../domain/events.ts'
import { Status } from './status.tsx'
import { Moment } from './time.tsx'
import { counted, phrase } from './words.ts'

export interface ToldEvent extends StoredEvent {
  /** Null for one that was put aside. */
  readonly effect: EventEffect | null
}

export const eventPath = ({ provider, eventId }: { readonly provider: string; readonly eventId: string }): string =>
  `/events/${encodeURIComponent(provider)}/${encodeURIComponent(eventId)}`

/** Our own event has a long name, so that no provider's is the same. */
export const typeWord = (type: string): string => (type === registrationEventType ? 'Registered' : phrase(type))

export const stateOf = (event: Pick<StoredEvent, 'appliedAt' | 'quarantinedReason'>): string => {
  if (event.quarantinedReason !== null) return 'quarantined'
  return event.appliedAt === null ? 'pending' : 'applied'
}

/** A newsletter that is opened hundreds of times: of more events than twice this, the first and the last are shown. */
const shownAtEachEnd = 50

interface EventTableProps {
  readonly events: readonly ToldEvent[]
  /** Where all of them are shown, however many; null: here. */
  readonly allAt: string | null
}

export function EventTable({ events, allAt }: EventTableProps) {
  const isLong = allAt !== null && events.length > 2 * shownAtEachEnd
  return (
    <div class="table-frame">
      <table>
        <caption class="hidden-text">Events in the order in which they happened</caption>
        <thead>
          <tr>
            <th scope="col">Happened (UTC)</th>
            <th scope="col">Event</th>
            <th scope="col">What it did</th>
            <th scope="col" class="wide number">
              Received (UTC)
            </th>
          </tr>
        </thead>
        <tbody>
          <EventRows events={isLong ? events.slice(0, shownAtEachEnd) : events} />
          {isLong && (
            <tr class="left-out">
              <td colSpan={4}>
                {counted(events.length - 2 * shownAtEachEnd, 'event')} between them · <a href={allAt}>Show all</a>
              </td>
            </tr>
          )}
          {isLong && <EventRows events={events.slice(-shownAtEachEnd)} />}
        </tbody>
      </table>
    </div>
  )
}

const EventRows = ({ events }: { events: readonly ToldEvent[] }) => (
  <>
    {events.map((event) => (
      <EventRow key={event.eventId} event={event} />
    ))}
  </>
)

function EventRow({ event }: { event: ToldEvent }) {
  const state = stateOf(event)
  return (
    <tr>
      <td class="when">
        <Moment at={event.occurredAt} exact />
      </td>
      <td class="event-type">
        {typeWord(event.type)}
        {state !== 'applied' && <Status of={state} />}
      </td>
      <td class="main-cell">
        <span class={event.effect?.changed === false ? 'muted block' : 'block'}>{effectText(event)}</span>
        <Payload event={event} />
      </td>
      <td class="wide number when">
        <Moment at={event.receivedAt} exact />
      </td>
    </tr>
  )
}

function effectText({ effect, quarantinedReason, appliedAt }: ToldEvent): string {
  if (quarantinedReason !== null) return `Put aside: ${quarantinedReason}`
  if (appliedAt === null) return 'Not applied yet: it waits for its workflow'
  return effect === null ? '' : `${effect.changed ? '' : 'Changed nothing. '}${effect.text}.`
}

/** Fetched when it is opened. Without JavaScript there is a link instead. */
const Payload = ({ event }: { event: StoredEvent }) => (
  <details
    class="payload"
    hx-get={eventPath(event)}
    hx-trigger="toggle once"
    hx-select="#payload"
    hx-target="find .payload-place"
    hx-swap="innerHTML"
  >
    <summary>
      <span>
        Payload<span class="wide-inline"> of </span>
      </span>
      <code class="clip wide-inline">{event.eventId}</code>
    </summary>
    <div class="payload-place" hx-morph-skip>
      <a href={eventPath(event)}>Open the event</a>
    </div>
  </details>
)
