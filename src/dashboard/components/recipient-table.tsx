/** The recipients of an email, one row each: what became of it, why, and who must act. */
import type { EmailView } from '../../api/email-view.ts'
import { erasedAddress } from '../../domain/address.ts'
import type { PersonLinks } from '../person-links.ts'
import { Address } from './email-table.tsx'
import { engagementColumns, None } from './engagement-cells.tsx'
import { FailureLines } from './failure.tsx'
import { counted } from './labels.ts'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

type Recipient = EmailView['recipients'][number]

interface RecipientTableProps {
  readonly recipients: readonly Recipient[]
  readonly people: PersonLinks
}

export const RecipientTable = ({ recipients, people }: RecipientTableProps) => (
  <Table
    caption="What became of the email for each recipient"
    class="recipients"
    columns={['Status', 'Recipient', ['Delivered (UTC)', 'wide number'], ...engagementColumns]}
  >
    {recipients.map((recipient, index) => (
      <RecipientRow key={`${index} ${recipient.address}`} of={recipient} people={people} />
    ))}
  </Table>
)

const RecipientRow = ({ of: recipient, people }: { of: Recipient; people: PersonLinks }) => (
  <tr>
    <td>
      <Status of={recipient.status} />
    </td>
    <td class="main-cell">
      <PersonLink to={recipient.address} people={people} />
      {recipient.suppressed && <span class="muted"> suppressed</span>}
      {recipient.failure && (
        <div class="why">
          <FailureLines of={recipient.failure} />
        </div>
      )}
      <span class="narrow muted small">{engagementText(recipient)}</span>
    </td>
    <td class="wide number when">
      {recipient.deliveredAt === null ? <None /> : <Timestamp at={recipient.deliveredAt} />}
    </td>
    <td class="wide number">
      <Engagement of={recipient.opens} />
    </td>
    <td class="wide number">
      <Engagement of={recipient.clicks} />
    </td>
  </tr>
)

/** Leads to the person's page, unless the person was erased. */
export const PersonLink = ({ to: address, people }: { to: string; people: PersonLinks }) =>
  address === erasedAddress ? (
    <span class="muted">{address}</span>
  ) : (
    <a class="row-link" href={people.pathTo(address)}>
      <Address of={address} />
    </a>
  )

const Engagement = ({ of: { total, human } }: { of: Recipient['opens'] }) =>
  total === 0 ? (
    <None />
  ) : (
    <>
      {total}
      {human < total && <span class="muted block small">{human} by people</span>}
    </>
  )

const engagementText = ({ opens, clicks }: Recipient): string =>
  opens.total + clicks.total === 0 ? '' : `${counted(opens.total, 'open')}, ${counted(clicks.total, 'click')}`
