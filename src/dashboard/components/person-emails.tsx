/** The emails to one person as a table, and why a delivery failed. */
import type { PersonEmailView } from '../../api/person-email-view.ts'
import { emailPath } from '../paths.ts'
import { Subject } from './email-table.tsx'
import { engagementColumns, None } from './engagement-cells.tsx'
import { FailureText } from './failure.tsx'
import { count } from './labels.ts'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

export const PersonEmails = ({ emails }: { emails: readonly PersonEmailView[] }) => (
  <Table
    caption="Emails to this person, newest first"
    columns={['Status', 'Email', ...engagementColumns, ['Created (UTC)', 'wide number']]}
  >
    {emails.map((email) => (
      <PersonEmailRow key={`${email.provider}/${email.id}`} email={email} />
    ))}
  </Table>
)

const PersonEmailRow = ({ email }: { email: PersonEmailView }) => (
  <tr>
    <td>
      <Status of={email.status} />
    </td>
    <td class="main-cell">
      <a class="row-link clip" href={emailPath(email.provider, email.id)} title={email.subject ?? undefined}>
        <Subject of={email.subject} />
      </a>
      <span class="muted small block">
        {email.provider}
        {email.deliveredAt && (
          <>
            , delivered <Timestamp at={email.deliveredAt} zone />
          </>
        )}
        {email.complainedAt && (
          <>
            , reported as spam <Timestamp at={email.complainedAt} zone />
          </>
        )}
        {email.isOfWholeEmail && ', status of the whole email'}
      </span>
      {email.failure && <FailureText of={email.failure} />}
      <span class="narrow muted small">
        created <Timestamp at={email.createdAt} zone />
      </span>
    </td>
    <td class="wide number">
      <Engagement of={email.opens} />
    </td>
    <td class="wide number">
      <Engagement of={email.clicks} />
    </td>
    <td class="wide number when">
      <Timestamp at={email.createdAt} />
    </td>
  </tr>
)

/** The number of those by people; where there are others, the whole number in the title. */
const Engagement = ({ of: { total, human } }: { of: PersonEmailView['opens'] }) =>
  total === 0 ? (
    <None />
  ) : (
    <span title={human === total ? undefined : `${count(total)}, of which ${count(human)} by people`}>
      {count(total)}
    </span>
  )
