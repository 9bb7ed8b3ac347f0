/** An escalation, with who did what about it and what can be done. */
import type { Escalation } from '../db/generated/client.ts'
import { incidentIn, recovered } from '../domain/incident.ts'
import { remedies } from '../notify/wording.ts'
import { emailPath } from './email-rows.tsx'
import { pathWith } from './pager.tsx'
import { Status } from './status.tsx'
import { Moment } from './time.tsx'
import { counted, phrase } from './words.ts'

interface EscalationProps {
  readonly escalation: Escalation
  /** Where its forms lead back to. */
  readonly back: string
}

const reasonWords: Readonly<Record<string, string>> = {
  stalled: 'No word on its delivery',
  critical_bounce: 'A critical email bounced',
  critical_complaint: 'A critical email was complained about',
  recipient_unclear: 'Which recipient to suppress is unclear',
  bounce_rate: 'Too many emails bounce',
  complaint_rate: 'Too many emails are marked as spam',
  backlog: 'Events wait too long to be applied',
  signature_failures: 'Webhooks come with a wrong signature',
  silence: 'No webhooks come any more',
}

export const reasonWord = (reason: string): string => reasonWords[reason] ?? phrase(reason)

/** @param showsEmail whether it links to its email: not on that email's own page. */
export const EscalationCard = ({
  escalation,
  back,
  showsEmail = false,
}: EscalationProps & { showsEmail?: boolean }) => (
  <article class={`card escalation ${escalation.state}`}>
    <div class="escalation-head">
      <h3>{reasonWord(escalation.reason)}</h3>
      <Status of={escalation.state} />
    </div>
    <p>
      <bdi>{escalation.detail}</bdi>
    </p>
    {showsEmail && (
      <p>
        <EscalationSubject of={escalation} />
      </p>
    )}
    <History of={escalation} />
    {escalation.state !== 'resolved' && <Remedy reason={escalation.reason} />}
    {escalation.state !== 'resolved' && <Commands of={escalation} back={back} />}
  </article>
)

/** An event may have made it moot. */
function resolverWord(by: string | null): string {
  if (by === 'delivered') return 'its delivery'
  if (by === recovered) return 'its recovery'
  return by === 'bounced' ? 'its bounce' : (by ?? '')
}

/** The email that an escalation is about; or what of the sending as a whole. */
export function EscalationSubject({ of: escalation }: { of: Pick<Escalation, 'provider' | 'emailId'> }) {
  const incident = incidentIn(escalation)
  if (incident === null) {
    return (
      <a href={emailPath(escalation.provider, escalation.emailId)}>
        Email <code>{escalation.emailId}</code>
      </a>
    )
  }
  const [kind = '', ...rest] = incident.scope.split(':')
  const name = rest.join(':')
  if (kind === 'tag') {
    return (
      <a href={pathWith('/emails', { tag: name })}>
        Emails with the tag <bdi>{name}</bdi>
      </a>
    )
  }
  return kind === 'provider' ? <a href="/setup">Provider {name}</a> : <a href="/">All of sending</a>
}

/** What support is told too. */
const Remedy = ({ reason }: { reason: string }) => {
  const remedy = (remedies as Readonly<Record<string, string>>)[reason]
  return remedy ? (
    <details class="remedy">
      <summary>What to do</summary>
      <p>{remedy}</p>
    </details>
  ) : null
}

const History = ({ of: it }: { of: Escalation }) => (
  <ul class="history">
    <li>
      Opened <Moment at={it.openedAt} zone />, support told {counted(it.notices, 'time')}
    </li>
    {it.acknowledgedAt && (
      <li>
        Acknowledged by <strong dir="auto">{it.acknowledgedBy}</strong> <Moment at={it.acknowledgedAt} zone />
      </li>
    )}
    {it.snoozedUntil && (
      <li>
        Snoozed until <Moment at={it.snoozedUntil} zone />
      </li>
    )}
    {it.resolvedAt && (
      <li>
        Resolved by <strong dir="auto">{resolverWord(it.resolvedBy)}</strong> <Moment at={it.resolvedAt} zone />
      </li>
    )}
  </ul>
)

const snoozes = [
  ['30m', '30 minutes'],
  ['2h', '2 hours'],
  ['1d', '1 day'],
  ['7d', '7 days'],
] as const

const Commands = ({ of: { id, state }, back }: { of: Escalation; back: string }) => {
  const action = (command: string) => `/escalations/${encodeURIComponent(id)}/${command}`
  return (
    <form class="commands" method="post" action={action('acknowledge')}>
      <input type="hidden" name="back" value={back} />
      {state !== 'acknowledged' && (
        <button type="submit" class="primary">
          Acknowledge
        </button>
      )}
      <button type="submit" formAction={action('resolve')}>
        Resolve
      </button>
      <span class="snooze">
        <label>
          <span class="hidden-text">Snooze for</span>
          <select name="for">
            {snoozes.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" formAction={action('snooze')}>
          Snooze
        </button>
      </span>
    </form>
  )
}
