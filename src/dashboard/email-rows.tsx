/** Emails as rows: on the list, and wherever some of them are shown. */
import type { Email } from '../db/generated/client.ts'
import { snapshotOf } from '../db/snapshots.ts'
import { deliveryTimeMsOf } from '../domain/lifecycle.ts'
import { PriorityWord, Status } from './status.tsx'
import { Moment } from './time.tsx'
import { count, duration } from './words.ts'

export const emailPath = (provider: string, id: string): string =>
  `/emails/${encodeURIComponent(provider)}/${encodeURIComponent(id)}`

/** The name of an email for people: its subject where one is known. */
export const Subject = ({ of: subject }: { of: string | null }) =>
  subject === null || subject.trim() === '' ? <span class="muted">No subject</span> : <bdi dir="auto">{subject}</bdi>

/** An address, broken before its @ where it must be. */
export function Address({ of: address }: { of: string }) {
  const at = address.lastIndexOf('@')
  return (
    <bdi>
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </bdi>
  )
}

/** Whom an email went to: the first, and how many more. */
export function Recipients({ of: to }: { of: readonly string[] }) {
  const [first, ...others] = to
  if (first === undefined) return <span class="muted">Nobody named yet</span>
  return (
    <span title={to.join(', ')}>
      <bdi>{first}</bdi>
      {others.length > 0 && ` and ${others.length} more`}
    </span>
  )
}

export const EmailTable = ({ emails, caption }: { emails: readonly Email[]; caption: string }) => (
  <div class="table-frame">
    <table>
      <caption class="hidden-text">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Email</th>
          <th scope="col" class="wide">
            Priority
          </th>
          <th scope="col" class="wide number">
            Delivered in
          </th>
          <th scope="col" class="wide number">
            Opens
          </th>
          <th scope="col" class="wide number">
            Clicks
          </th>
          <th scope="col" class="wide number">
            Created (UTC)
          </th>
        </tr>
      </thead>
      <tbody>
        {emails.map((email) => (
          <EmailRow key={`${email.provider}/${email.id}`} email={email} />
        ))}
      </tbody>
    </table>
  </div>
)

function EmailRow({ email }: { email: Email }) {
  const deliveryTimeMs = deliveryTimeMsOf(snapshotOf(email))
  return (
    <tr>
      <td>
        <Status of={email.status} />
      </td>
      <td class="main-cell">
        <a class="row-link clip" href={emailPath(email.provider, email.id)} title={email.subject ?? undefined}>
          <Subject of={email.subject} />
        </a>
        <span class="clip muted">
          <Recipients of={email.to} />
        </span>
        <span class="narrow muted small">
          <Moment at={email.createdAt} zone />
        </span>
      </td>
      <td class="wide">
        <PriorityWord of={email.priority} />
      </td>
      <td class="wide number">{deliveryTimeMs === null ? <None /> : duration(deliveryTimeMs)}</td>
      <td class="wide number">
        <Tally of={email.opensTotal} />
      </td>
      <td class="wide number">
        <Tally of={email.clicksTotal} />
      </td>
      <td class="wide number when">
        <Moment at={email.createdAt} />
      </td>
    </tr>
  )
}

const None = () => <span class="muted">–</span>

const Tally = ({ of: number }: { of: number }) => (number === 0 ? <None /> : count(number))
