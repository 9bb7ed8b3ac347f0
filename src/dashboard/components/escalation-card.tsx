/** An escalation with its history and its commands. */
import type { EscalatedEmail } from '../../api/escalated-emails.ts'
import type { Escalation } from '../../db/generated/client.ts'
import { escalationScopes } from '../../domain/access.ts'
import type { EmailEscalationReason } from '../../domain/escalation.ts'
import { type IncidentReason, incidentIn } from '../../domain/incident.ts'
import { refusalScopeLabel } from '../../domain/refusal-policy.ts'
import { incidentHeadlines, remedies, resolverLabel } from '../../notifications/messages.ts'
import { emailPath, pathWith } from '../paths.ts'
import { Allowed } from './allowed.tsx'
import { Address, Recipients, Subject } from './email-table.tsx'
import { DomainLink, FailureLines } from './failure.tsx'
import { counted, phrase } from './labels.ts'
import { Status } from './status.tsx'
import { Timestamp } from './timestamp.tsx'

interface EscalationProps {
  readonly escalation: Escalation
  /** The page to return to after a command. */
  readonly back: string
}

const labels: Readonly<Record<EmailEscalationReason | IncidentReason, string>> = {
  ...incidentHeadlines,
  stalled: 'no delivery was reported in time',
  critical_bounce: 'a critical email was not delivered',
  critical_complaint: 'a critical email was reported as spam',
  recipient_unclear: 'the recipient to suppress is unknown',
}

export const reasonLabel = (reason: string): string => phrase(labels[reason as keyof typeof labels] ?? reason)

/** @param email what it is about, and whom it concerns; absent on that email's own page. */
export const EscalationCard = ({
  escalation,
  back,
  email,
}: EscalationProps & { readonly email?: EscalatedEmail | null }) => (
  <article class={`card escalation ${escalation.state}`}>
    <div class="card-head">
      <h3>{reasonLabel(escalation.reason)}</h3>
      <Status of={escalation.state} />
    </div>
    <p>
      <bdi>{escalation.detail}</bdi>
    </p>
    <RefusalLink of={escalation} />
    {email !== undefined && (
      <div>
        <EscalationSubject of={escalation} email={email} />
        {email && <Concerned of={email} />}
      </div>
    )}
    <History of={escalation} />
    {escalation.state !== 'resolved' && <Remedy reason={escalation.reason} />}
    {escalation.state !== 'resolved' && (
      <Allowed to={escalationScopes}>
        <Commands of={escalation} back={back} />
      </Allowed>
    )}
  </article>
)

/** For an incident of refusals, whose detail quotes the reply. */
export function RefusalLink({
  of: escalation,
}: {
  of: Pick<Escalation, 'provider' | 'emailId' | 'reason' | 'detail'>
}) {
  const incident = escalation.reason === 'sender_refused' ? incidentIn(escalation) : null
  const [reason = ''] = incident?.scope.split('/') ?? []
  return incident && <DomainLink of={{ reason, party: 'sender', evidence: escalation.detail }} />
}

interface EscalationSubjectProps {
  readonly of: Pick<Escalation, 'provider' | 'emailId' | 'reason'>
  readonly email: EscalatedEmail | null
}

/** The email that an escalation is about and whom it concerns, or the tag, provider or system of an incident. */
export function EscalationSubject({ of: escalation, email }: EscalationSubjectProps) {
  const incident = incidentIn(escalation)
  if (incident === null) {
    return (
      <>
        <a href={emailPath(escalation.provider, escalation.emailId)}>
          {email ? <Subject of={email.subject} /> : <code>{escalation.emailId}</code>}
        </a>
        {email && (
          <>
            {' '}
            to <Recipients of={email.recipients.map(({ address }) => address)} />
          </>
        )}
      </>
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
  if (escalation.reason === 'sender_refused') {
    const [reason] = incident.scope.split('/')
    return <a href={pathWith('/emails', { reason })}>Emails to {refusalScopeLabel(incident.scope)}</a>
  }
  return kind === 'provider' ? <a href="/setup">Provider {name}</a> : <a href="/">All emails</a>
}

/** Further recipients are on the email's page. */
const shownRecipients = 5

/** Why it failed: once for one recipient, else for each. */
const Concerned = ({ of: { recipients } }: { of: EscalatedEmail }) => (
  <>
    {recipients.slice(0, shownRecipients).map(({ address, status, failure }) => (
      <div key={address} class="why">
        {recipients.length > 1 && (
          <span class="block">
            <Status of={status} /> <Address of={address} />
          </span>
        )}
        {failure && <FailureLines of={failure} />}
      </div>
    ))}
  </>
)

/** The same text as in the notification. */
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
      Opened <Timestamp at={it.openedAt} zone />, {counted(it.notices, 'notification')} sent
    </li>
    {it.acknowledgedAt && (
      <li>
        Acknowledged by <strong dir="auto">{it.acknowledgedBy}</strong> <Timestamp at={it.acknowledgedAt} zone />
      </li>
    )}
    {it.snoozedUntil && (
      <li>
        Snoozed until <Timestamp at={it.snoozedUntil} zone />
      </li>
    )}
    {it.resolvedAt && (
      <li>
        Resolved by <strong dir="auto">{resolverLabel(it.resolvedBy)}</strong> <Timestamp at={it.resolvedAt} zone />
      </li>
    )}
  </ul>
)

/** By duration. */
export const snoozes = { '30m': '30 minutes', '2h': '2 hours', '1d': '1 day', '7d': '7 days' } as const

const Commands = ({ of: { id, state, version }, back }: { of: Escalation; back: string }) => {
  const action = (command: string) => `/escalations/${encodeURIComponent(id)}/${command}`
  return (
    <form class="commands" method="post" action={action('acknowledge')}>
      <input type="hidden" name="back" value={back} />
      <input type="hidden" name="version" value={String(version)} />
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
            {Object.entries(snoozes).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
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
