/** The picture of an email: its events and escalations over time, one row per recipient if there are several. */
import type { EmailView } from '../../api/email-view.ts'
import type { Escalation } from '../../db/generated/client.ts'
import { storedFailureOf } from '../../db/snapshot-columns.ts'
import { bounceOutcomeOf } from '../../domain/delivery-facts.ts'
import { registrationEventType } from '../../domain/events.ts'
import type { EventWithEffect } from './event-table.tsx'
import { Timeline, type TimelineEntry, type TimelineLane, toneOfEntry } from './timeline.tsx'

interface EmailTimelineProps {
  readonly email: EmailView
  readonly events: readonly EventWithEffect[]
  readonly escalations: readonly Escalation[]
}

/** The rows of further recipients would take more than two screens; the table below the picture has them. */
const shownRecipients = 10

const supportLane: TimelineLane = { key: 'support', name: 'Support' }

export function EmailTimeline({ email, events, escalations }: EmailTimelineProps) {
  const isSplit = email.recipients.length > 1
  const addresses = email.recipients.map(({ address }) => address)
  const lanes = isSplit ? recipientLanes(addresses.slice(0, shownRecipients)) : ownLanes
  const entries = [
    ...eventEntries(events, isSplit ? (event) => addressLane(event, addresses) : engagementLane),
    ...escalations.flatMap(escalationEntries),
  ]
  return (
    <>
      <Timeline lanes={lanes} entries={entries} label={`Timeline of email ${email.id}`} />
      {addresses.length > shownRecipients && (
        <p class="muted">
          The picture shows the first {shownRecipients} of {addresses.length} recipients.
        </p>
      )}
    </>
  )
}

const ownLanes: readonly TimelineLane[] = [
  { key: 'delivery', name: 'Delivery' },
  { key: 'engagement', name: 'Engagement' },
  supportLane,
]

const recipientLanes = (addresses: readonly string[]): TimelineLane[] => [
  { key: emailLane, name: 'The email' },
  ...addresses.map((address) => ({ key: laneOf(address), name: address })),
  supportLane,
]

const emailLane = 'email'

/** An address cannot be the key of another lane. */
const laneOf = (address: string): string => `to ${address}`

const addressLane = ({ recipient }: EventWithEffect, addresses: readonly string[]): string =>
  recipient !== null && addresses.includes(recipient) ? laneOf(recipient) : emailLane

const engagementLane = ({ type }: EventWithEffect): string =>
  isEngagement(type) || type === 'complained' ? 'engagement' : 'delivery'

const isEngagement = (type: string): boolean => type === 'opened' || type === 'clicked'

function eventEntries(
  events: readonly EventWithEffect[],
  laneFor: (event: EventWithEffect) => string,
): TimelineEntry[] {
  return events
    .filter(({ effect, quarantinedReason }) => effect?.changed && quarantinedReason === null)
    .map((event) => {
      const label = labelOf(event)
      const isFaint = isEngagement(event.type) && !event.human
      return { lane: laneFor(event), label, tone: toneOfEntry(label), at: event.occurredAt.getTime(), isFaint }
    })
}

function labelOf(event: EventWithEffect): string {
  if (event.type === registrationEventType) return 'registered'
  if (event.type !== 'bounced') return event.type
  const failure = storedFailureOf(event)
  const outcome = bounceOutcomeOf({
    class: event.bounceClass === 'soft' ? 'soft' : 'hard',
    code: event.bounceCode,
    ...(failure && { failure }),
  })
  return outcome === 'none' ? 'automatic reply' : outcome
}

const escalationEntries = ({ openedAt, acknowledgedAt, resolvedAt }: Escalation): TimelineEntry[] => [
  supportEntry('escalated', openedAt),
  ...(acknowledgedAt ? [supportEntry('acknowledged', acknowledgedAt)] : []),
  ...(resolvedAt ? [supportEntry('resolved', resolvedAt)] : []),
]

const supportEntry = (label: string, at: Date): TimelineEntry => ({
  ...{ lane: supportLane.key, label, tone: toneOfEntry(label) },
  ...{ at: at.getTime(), isFaint: false },
})
