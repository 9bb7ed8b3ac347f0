/** What wants somebody: events that wait, and escalations that nobody has taken. */
import type { Escalation } from '../db/generated/client.ts'
import { EscalationSubject, reasonWord } from './escalation-card.tsx'
import { Icon } from './icons.tsx'
import { Moment } from './time.tsx'
import { count, counted, duration } from './words.ts'

/** Between webhook and workflow events spend moments: longer than this says that something is away. */
const slowAfterSeconds = 60

interface InboxFigures {
  readonly pending: number
  readonly oldestSeconds: number
}

export const Backlog = ({ inbox: { pending, oldestSeconds } }: { inbox: InboxFigures }) => (
  <section class="card" aria-labelledby="backlog">
    <h2 id="backlog">Backlog</h2>
    {pending === 0 ? (
      <p class="calm">
        <Icon name="check" /> Every event is applied.
      </p>
    ) : (
      <p class={oldestSeconds > slowAfterSeconds ? 'mistake' : undefined}>
        <a href="/events?state=pending">{counted(pending, 'event')}</a> {pending === 1 ? 'waits' : 'wait'}, the oldest
        for {duration(oldestSeconds * 1_000)}.
        {oldestSeconds > slowAfterSeconds && ' Is Temporal up, and a worker running?'}
      </p>
    )}
  </section>
)

interface OpenEscalationsProps {
  readonly escalations: readonly Escalation[]
  /** All that are unresolved, those that somebody has taken included. */
  readonly total: number
}

export const OpenEscalations = ({ escalations, total }: OpenEscalationsProps) => (
  <section class="card" aria-labelledby="open-escalations">
    <h2 id="open-escalations">Open escalations</h2>
    {escalations.length === 0 ? (
      <p class="calm">
        <Icon name="check" /> {total === 0 ? 'Nobody is needed.' : 'Somebody takes care of each.'}
      </p>
    ) : (
      <ul class="escalation-lines">
        {escalations.map((escalation) => (
          <li key={escalation.id}>
            <span>
              {reasonWord(escalation.reason)} · <EscalationSubject of={escalation} />
            </span>
            <span class="muted">
              <Moment at={escalation.openedAt} zone />
            </span>
          </li>
        ))}
      </ul>
    )}
    {total > 0 && (
      <p>
        <a href="/escalations">{total === 1 ? 'The one unresolved' : `All ${count(total)} unresolved`}</a>
      </p>
    )}
  </section>
)
