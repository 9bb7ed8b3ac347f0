/** Emails as a table, and how an email's subject and recipients are shown. */

import type { Email } from '../../db/generated/client.ts'
import { snapshotOf } from '../../db/snapshot-columns.ts'
import { failureLabelOf } from '../../domain/failure-labels.ts'
import { deliveryTimeMsOf } from '../../domain/lifecycle.ts'
import { emailPath } from '../paths.ts'
import { Count, engagementColumns, None } from './engagement-cells.tsx'
import { duration } from './labels.ts'
import { type DeliveredTo, PriorityLabel, Status } from './status.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

export const Subject = ({ of: subject }: { of: string | null }) =>
  subject === null || subject.trim() === '' ? <span class="muted">No subject</span> : <bdi dir="auto">{subject}</bdi>

/** An address. Breaks before its @ where it does not fit on a line. */
export function Address({ of: address }: { of: string }) {
  const at = Math.max(0, address.lastIndexOf('@'))
  return (
    <bdi>
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </bdi>
  )
}

/** The first recipient, and how many more. */
export function Recipients({ of: to }: { of: readonly string[] }) {
  const [first, ...others] = to
  if (first === undefined) return <span class="muted">No recipient yet</span>
  return (
    <span title={to.join(', ')}>
      <bdi>{first}</bdi>
      {others.length > 0 && ` and ${others.length} more`}
    </span>
  )
}

interface EmailTableProps {
  readonly emails: readonly Email[]
  readonly caption: string
  /** By {@link deliveredToKey}, of emails that are partly delivered. */
  readonly deliveredTo: ReadonlyMap<string, DeliveredTo>
}

/** Identifies an email in the counts of its recipients. */
export const deliveredToKey = (provider: string, id: string): string => JSON.stringify([provider, id])

export const EmailTable = ({ emails, caption, deliveredTo }: EmailTableProps) => (
  <Table
    caption={caption}
    columns={[
      'Status',
      'Email',
      ['Priority', 'wide'],
      ['Delivered in', 'wide number'],
      ...engagementColumns,
      ['Created (UTC)', 'wide number'],
    ]}
  >
    {emails.map((email) => (
      <EmailRow
        key={`${email.provider}/${email.id}`}
        email={email}
        deliveredTo={deliveredTo.get(deliveredToKey(email.provider, email.id))}
      />
    ))}
  </Table>
)

function EmailRow({ email, deliveredTo }: { email: Email; deliveredTo: DeliveredTo | undefined }) {
  const deliveryTimeMs = deliveryTimeMsOf(snapshotOf(email))
  return (
    <tr>
      <td>
        <Status of={email.status} deliveredTo={deliveredTo} />
      </td>
      <td class="main-cell">
        <a class="row-link clip" href={emailPath(email.provider, email.id)} title={email.subject ?? undefined}>
          <Subject of={email.subject} />
        </a>
        <span class="clip muted">
          <Recipients of={email.to} />
        </span>
        {email.failureReason !== null && isUndelivered(email) && (
          <span class="clip muted small">{failureLabelOf(email.failureReason).label}</span>
        )}
        <span class="narrow muted small">
          <Timestamp at={email.createdAt} zone />
        </span>
      </td>
      <td class="wide">
        <PriorityLabel of={email.priority} />
      </td>
      <td class="wide number">{deliveryTimeMs === null ? <None /> : duration(deliveryTimeMs)}</td>
      <td class="wide number">
        <Count of={email.opensTotal} />
      </td>
      <td class="wide number">
        <Count of={email.clicksTotal} />
      </td>
      <td class="wide number when">
        <Timestamp at={email.createdAt} />
      </td>
    </tr>
  )
}

const isUndelivered = ({ delivery }: Email): boolean => ['bounced', 'failed', 'deferred'].includes(delivery)
