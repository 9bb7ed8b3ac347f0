/** Escalations of one cause as one card, with each of them inside. */
import { escalationScopes } from '../../domain/access.ts'
import { failureLabelOf, partyLabelOf } from '../../domain/failure-labels.ts'
import { incidentIn, systemScope } from '../../domain/incident.ts'
import type { EscalationGroup } from '../escalation-causes.ts'
import { Allowed } from './allowed.tsx'
import { EscalationCard, RefusalLink, reasonLabel } from './escalation-card.tsx'
import { DomainLink } from './failure.tsx'
import { counted } from './labels.ts'
import { Status } from './status.tsx'
import { Timestamp } from './timestamp.tsx'

interface GroupProps {
  readonly of: EscalationGroup
  /** The page to return to after a command. */
  readonly back: string
}

export function EscalationGroupCard({ of: group, back }: GroupProps) {
  const [first, ...others] = group.members
  if (!first) return null
  if (others.length === 0) return <EscalationCard escalation={first.escalation} email={first.email} back={back} />
  const states = new Set(group.members.map(({ escalation }) => escalation.state))
  const state = ['open', 'acknowledged'].find((each) => states.has(each)) ?? first.escalation.state
  const openedAt = group.members.map(({ escalation }) => escalation.openedAt.getTime())
  return (
    <article class={`card escalation ${state}`}>
      <div class="card-head">
        <h3>{titleOf(group)}</h3>
        <Status of={state} />
      </div>
      <Cause of={group} />
      <p class="muted">
        First opened <Timestamp at={new Date(Math.min(...openedAt))} zone />, last{' '}
        <Timestamp at={new Date(Math.max(...openedAt))} zone />
      </p>
      <Allowed to={escalationScopes}>
        <AcknowledgeAll of={group} back={back} />
      </Allowed>
      <details class="members">
        <summary>Show all {group.members.length}</summary>
        <div class="stack">
          {group.members.map(({ escalation, email }) => (
            <EscalationCard key={escalation.id} escalation={escalation} email={email} back={back} />
          ))}
        </div>
      </details>
    </article>
  )
}

/** `A critical email was not delivered: 12 emails to Gmail` */
export function titleOf({ members, receiver }: EscalationGroup): string {
  const [first] = members
  if (!first) return ''
  if (members.length === 1) return reasonLabel(first.escalation.reason)
  const incident = incidentIn(first.escalation)
  if (incident?.scope === systemScope) return `The system: ${counted(members.length, 'incident')}`
  if (incident) return `${reasonLabel(first.escalation.reason)}: ${contentsOf(members)}`
  return `${reasonLabel(first.escalation.reason)}: ${counted(members.length, 'email')}${receiver ? ` to ${receiver}` : ''}`
}

/** `1 incident and 7 critical emails` */
function contentsOf(members: EscalationGroup['members']): string {
  const incidents = members.filter(({ email }) => email === null).length
  const emails = members.length - incidents
  return `${counted(incidents, 'incident')}${emails === 0 ? '' : ` and ${counted(emails, 'critical email')}`}`
}

/** What the members have in common. */
function Cause({ of: { members } }: { of: EscalationGroup }) {
  const [first] = members
  if (!first) return null
  const incident = incidentIn(first.escalation)
  if (incident?.scope === systemScope) {
    return <p>{[...new Set(members.map(({ escalation }) => reasonLabel(escalation.reason)))].join('; ')}.</p>
  }
  if (incident) {
    return (
      <div>
        <p>{first.escalation.detail}</p>
        <RefusalLink of={first.escalation} />
      </div>
    )
  }
  const failure = first.email?.recipients[0]?.failure ?? first.email?.failure
  if (!failure) return null
  const { label, sentence } = failureLabelOf(failure.reason)
  return (
    <div>
      <strong>{label}.</strong> {sentence}
      <span class="block">Who must act: {partyLabelOf(failure.party).actor}</span>
      {failure.evidence !== null && (
        <code class="evidence block muted">
          <bdi>{failure.evidence}</bdi>
        </code>
      )}
      <DomainLink of={failure} />
    </div>
  )
}

const AcknowledgeAll = ({ of: { members }, back }: GroupProps) => {
  const open = members.filter(({ escalation }) => escalation.state === 'open')
  return open.length === 0 ? null : (
    <form class="commands" method="post" action="/escalations/acknowledge">
      <input type="hidden" name="back" value={back} />
      {open.map(({ escalation: { id, version } }) => (
        <input key={id} type="hidden" name="escalation" value={`${version} ${id}`} />
      ))}
      <button type="submit" class="primary">
        Acknowledge {open.length === members.length ? `all ${open.length}` : `the ${open.length} open ones`}
      </button>
    </form>
  )
}
