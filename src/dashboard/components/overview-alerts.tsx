/** What needs attention: pending events, Temporal's state, open escalations. */
import { remedies } from '../../notifications/messages.ts'
import type { TemporalStatus } from '../../temporal/temporal-status.ts'
import type { EscalationGroup } from '../escalation-causes.ts'
import { EscalationSubject } from './escalation-card.tsx'
import { titleOf } from './escalation-group.tsx'
import { Icon } from './icons.tsx'
import { cappedCount, duration } from './labels.ts'
import { Timestamp } from './timestamp.tsx'

/** Events are applied within seconds. A longer delay means that a part does not work. */
const slowAfterSeconds = 60

interface InboxFigures {
  readonly pending: number
  readonly oldestSeconds: number
}

export const Backlog = ({ inbox: { pending, oldestSeconds } }: { inbox: InboxFigures }) => (
  <section class="card" aria-labelledby="backlog">
    <h2 id="backlog">Backlog</h2>
    {pending === 0 ? (
      <p class="all-clear">
        <Icon name="check" /> All events are applied.
      </p>
    ) : (
      <p class={oldestSeconds > slowAfterSeconds ? 'error' : undefined}>
        <a href="/events?state=pending">
          {cappedCount(pending)} {pending === 1 ? 'event' : 'events'}
        </a>{' '}
        pending, the oldest for {duration(oldestSeconds * 1_000)}.
        {oldestSeconds > slowAfterSeconds && ' Check that Temporal and a worker are running.'}
      </p>
    )}
  </section>
)

/** Shown only while Temporal does not accept signals. */
export const TemporalAlert = ({ status: { state, since, detail } }: { status: TemporalStatus }) =>
  state === 'flowing' ? null : (
    <section class="card" aria-labelledby="temporal-trouble">
      <h2 id="temporal-trouble">{state === 'refused' ? 'Temporal refuses requests' : 'Temporal does not answer'}</h2>
      <p class="error">
        {detail ?? 'It gave no reason.'}
        {since !== null && (
          <>
            {' '}
            Since <Timestamp at={new Date(since)} zone />.
          </>
        )}
      </p>
      <p>{state === 'refused' ? remedies.temporal_refused : remedies.backlog}</p>
    </section>
  )

interface OpenEscalationsProps {
  /** Of the newest open ones. */
  readonly groups: readonly EscalationGroup[]
  /** The number of all unresolved ones, acknowledged and snoozed ones included. */
  readonly total: number
}

const shownGroups = 4

export const OpenEscalations = ({ groups, total }: OpenEscalationsProps) => (
  <section class="card" aria-labelledby="open-escalations">
    <h2 id="open-escalations">Open escalations</h2>
    {groups.length === 0 ? (
      <p class="all-clear">
        <Icon name="check" /> {total === 0 ? 'No escalations.' : 'Every escalation is acknowledged or snoozed.'}
      </p>
    ) : (
      <ul class="escalation-lines">
        {groups.slice(0, shownGroups).map((group) => (
          <GroupLine key={group.key} of={group} />
        ))}
      </ul>
    )}
    {total > 0 && (
      <p>
        <a href="/escalations">
          {total === 1 ? 'Show the unresolved escalation' : `Show all ${cappedCount(total)} unresolved escalations`}
        </a>
      </p>
    )}
  </section>
)

function GroupLine({ of: group }: { of: EscalationGroup }) {
  const [first] = group.members
  return first ? (
    <li>
      <span>
        {titleOf(group)}
        {group.members.length === 1 && (
          <>
            {' '}
            · <EscalationSubject of={first.escalation} email={first.email} />
          </>
        )}
      </span>
      <span class="muted">
        <Timestamp at={first.escalation.openedAt} zone />
      </span>
    </li>
  ) : null
}
