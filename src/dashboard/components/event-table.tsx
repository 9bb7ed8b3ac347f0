/** The events of one email, each with its effect and its payload. */

import { type FailureView, failureOfEvent } from '../../api/failure-view.ts'
import type { StoredEvent } from '../../db/emails-read.ts'
import type { EventEffect } from '../../domain/event-effect.ts'
import { type FoundBy, registrationEventType } from '../../domain/events.ts'
import { failureLabelOf, partyLabelOf } from '../../domain/failure-labels.ts'
import { eventPath } from '../paths.ts'
import { Address } from './email-table.tsx'
import { counted, phrase } from './labels.ts'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

export interface EventWithEffect extends StoredEvent {
  /** Null for a quarantined event. */
  readonly effect: EventEffect | null
}

/** A registration's type has a prefix, so that it differs from all types of providers. */
export const typeLabel = (type: string): string => (type === registrationEventType ? 'Registered' : phrase(type))

export const stateOf = (event: Pick<StoredEvent, 'appliedAt' | 'quarantinedReason'>): string => {
  if (event.quarantinedReason !== null) return 'quarantined'
  return event.appliedAt === null ? 'pending' : 'applied'
}

/** A newsletter may have hundreds of opens: of more than twice as many events, only the first and the last are shown. */
const shownAtEachEnd = 50

interface EventTableProps {
  readonly events: readonly EventWithEffect[]
  /** Whether the email has several recipients, so that each event says which one it is about. */
  readonly isSplit: boolean
  /** The page that shows all events; null if this one does. */
  readonly allAt: string | null
}

export function EventTable({ events, isSplit, allAt }: EventTableProps) {
  const isLong = allAt !== null && events.length > 2 * shownAtEachEnd
  return (
    <Table
      caption="Events in order of occurrence"
      columns={['Occurred (UTC)', 'Event', 'Effect', ['Received (UTC)', 'wide number']]}
    >
      <EventRows events={isLong ? events.slice(0, shownAtEachEnd) : events} isSplit={isSplit} />
      {isLong && (
        <tr class="omitted">
          <td colSpan={4}>
            {counted(events.length - 2 * shownAtEachEnd, 'event')} between them · <a href={allAt}>Show all</a>
          </td>
        </tr>
      )}
      {isLong && <EventRows events={events.slice(-shownAtEachEnd)} isSplit={isSplit} />}
    </Table>
  )
}

const EventRows = ({ events, isSplit }: Pick<EventTableProps, 'events' | 'isSplit'>) => (
  <>
    {events.map((event) => (
      <EventRow key={event.eventId} event={event} isSplit={isSplit} />
    ))}
  </>
)

function EventRow({ event, isSplit }: { event: EventWithEffect; isSplit: boolean }) {
  const state = stateOf(event)
  return (
    <tr>
      <td class="when">
        <Timestamp at={event.occurredAt} exact />
      </td>
      <td class="event-type">
        {typeLabel(event.type)}
        {state !== 'applied' && <Status of={state} />}
      </td>
      <td class="main-cell">
        {isSplit && event.type !== registrationEventType && <About recipient={event.recipient} />}
        <span class={event.effect?.changed === false ? 'muted block' : 'block'}>{effectText(event)}</span>
        <Details of={event} />
        <Payload event={event} />
      </td>
      <td class="wide number when">
        <Timestamp at={event.receivedAt} exact />
      </td>
    </tr>
  )
}

const About = ({ recipient }: { recipient: string | null }) =>
  recipient === null ? (
    <span class="muted block">Names no recipient: applies to the email</span>
  ) : (
    <span class="strong block">
      <Address of={recipient} />
    </span>
  )

/** What the receiving server said, and which list it is about. */
const Details = ({ of: event }: { of: EventWithEffect }) => (
  <>
    {event.type === 'bounced' && <FailureText of={failureOfEvent(event)} />}
    {event.response !== null && (
      <code class="evidence block muted">
        <bdi>{event.response}</bdi>
      </code>
    )}
    {event.foundBy !== null && <span class="muted block">{foundByTexts[event.foundBy as FoundBy]}</span>}
    {event.list !== null && (
      <span class="muted block">
        List <bdi>{event.list}</bdi>
      </span>
    )}
  </>
)

/** Of an event that no webhook brought. */
const foundByTexts: Readonly<Record<FoundBy, string>> = {
  reconciling: 'Found by reconciling: in the provider’s record, and no webhook brought it',
  asking: 'Found by asking the provider about this email',
}

const FailureText = ({ of: { reason, party } }: { of: FailureView }) => (
  <span class="muted block">
    {failureLabelOf(reason).label}; who must act: {partyLabelOf(party).actor}
  </span>
)

function effectText({ effect, quarantinedReason, appliedAt }: EventWithEffect): string {
  if (quarantinedReason !== null) return `Quarantined: ${quarantinedReason}`
  if (appliedAt === null) return 'Pending: its workflow has not applied it yet'
  return effect === null ? '' : `${effect.changed ? '' : 'No change. '}${effect.text}.`
}

/** Loaded when it is opened. Without JavaScript there is a link instead. */
const Payload = ({ event }: { event: StoredEvent }) => (
  <details
    class="payload"
    hx-get={eventPath(event)}
    hx-trigger="toggle once"
    hx-select="#payload"
    hx-target="find .payload-content"
    hx-swap="innerHTML"
  >
    <summary>
      <span>
        Payload<span class="wide-inline"> of </span>
      </span>
      <code class="clip wide-inline">{event.eventId}</code>
    </summary>
    <div class="payload-content" hx-morph-skip>
      <a href={eventPath(event)}>Open the event</a>
    </div>
  </details>
)
