/** The entries of a person in the suppression list, each with the event and the judgement behind it. */
import type { PersonView } from '../../api/person-view.ts'
import { emailPath, eventPath } from '../paths.ts'
import { FailureText } from './failure.tsx'
import { phrase } from './labels.ts'
import { AuditLine, RemoveForm } from './suppression-list.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

type Suppression = NonNullable<PersonView['suppression']>

export function PersonSuppressions({ person, back }: { person: PersonView; back: string }) {
  const { address, suppression, formerSuppressions } = person
  if (suppression === null && formerSuppressions.length === 0) return null
  return (
    <section aria-labelledby="suppressions">
      <h2 id="suppressions">Suppression list</h2>
      <Table
        caption="Entries of this person in the suppression list, newest first"
        columns={['Reason', ['Since (UTC)', 'wide'], ['Remove', 'number', 'hidden']]}
      >
        {suppression && <Row of={suppression} address={address} back={back} />}
        {formerSuppressions.map((former) => (
          <Row key={`${former.since} ${former.removedAt}`} of={former} address={address} back={back} />
        ))}
      </Table>
    </section>
  )
}

const Row = ({ of: it, address, back }: { of: Suppression; address: string; back: string }) => (
  <tr class={it.removedAt ? 'removed' : undefined}>
    <td class="main-cell">
      <strong>{phrase(it.reason)}</strong>
      {it.erased && <span class="muted"> · the person was erased; a keyed hash of the address is kept</span>}
      {it.failure && <FailureText of={it.failure} />}
      <Cause of={it} />
      {(it.addedBy || it.note) && <AuditLine verb="by" by={it.addedBy} note={it.note} />}
      {it.removedAt && <AuditLine verb="removed by" by={it.removedBy} note={it.removalNote} />}
      <span class="narrow muted small">
        <Period of={it} zone />
      </span>
    </td>
    <td class="wide when">
      <Period of={it} />
    </td>
    <td class="number">{it.removedAt === null && !it.erased && <RemoveForm address={address} back={back} />}</td>
  </tr>
)

const Period = ({ of: { since, removedAt }, zone = false }: { of: Suppression; zone?: boolean }) => (
  <>
    <Timestamp at={since} zone={zone} />
    {removedAt && (
      <span class="block">
        until <Timestamp at={removedAt} zone={zone} />
      </span>
    )}
  </>
)

/** Links to the event that caused the entry, and to its email. */
const Cause = ({ of: { provider, emailId, eventId } }: { of: Suppression }) =>
  provider && (emailId || eventId) ? (
    <span class="block small">
      {emailId && <a href={emailPath(provider, emailId)}>Email</a>}
      {emailId && eventId && ' · '}
      {eventId && <a href={eventPath({ provider, eventId })}>Event that caused it</a>}
    </span>
  ) : null
