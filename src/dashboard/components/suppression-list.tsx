/** The suppression list with its search and its forms. */

import { isErasedKey } from '../../db/erased-address.ts'
import type { Suppression } from '../../db/generated/client.ts'
import { type SuppressionReason, suppressionReasons } from '../../domain/suppression.ts'
import { emailPath } from '../paths.ts'
import type { PersonLinks } from '../person-links.ts'

import { Allowed } from './allowed.tsx'
import { Address } from './email-table.tsx'
import { FilterSelect } from './filter-select.tsx'
import { phrase } from './labels.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

interface SuppressionListProps {
  readonly suppressions: readonly Suppression[]
  readonly filter: {
    readonly q: string
    readonly reason?: SuppressionReason | undefined
    readonly removed?: 'shown' | undefined
  }
  readonly links: PageLinks
  readonly people: PersonLinks
  /** An address that was not added, and why. */
  readonly rejected: { readonly address: string; readonly error: string } | null
}

export const SuppressionList = ({ suppressions, filter, links, people, rejected }: SuppressionListProps) => (
  <>
    <PageHead title="Suppressions">
      <Allowed to="suppress">
        <a class="button" href="/suppressions/import">
          Import CSV
        </a>
      </Allowed>
      <a class="button" href="/suppressions/export" download>
        Export CSV
      </a>
    </PageHead>
    <Allowed to="suppress">
      <AddForm rejected={rejected} />
    </Allowed>
    <search>
      <form class="filter" method="post" action="/search">
        <input type="hidden" name="in" value="/suppressions" />
        <label class="search">
          <span class="hidden-text">Search</span>
          <input type="search" name="q" value={filter.q} placeholder="Complete address" maxLength={1_000} />
        </label>
        <FilterSelect name="reason" anyLabel="Any reason" options={suppressionReasons} selected={filter.reason} />
        <label class="check">
          <input type="checkbox" name="removed" value="shown" checked={filter.removed === 'shown'} />
          Show removed
        </label>
        <button type="submit">Search</button>
      </form>
    </search>
    {suppressions.length > 0 ? (
      <>
        <SuppressionTable suppressions={suppressions} people={people} />
        <Pager {...links} />
      </>
    ) : (
      <NoSuppressions q={filter.q} isFiltered={Boolean(filter.reason || links.isFurther)} />
    )}
  </>
)

const AddForm = ({ rejected }: Pick<SuppressionListProps, 'rejected'>) => (
  <form class="card add-form" method="post" action="/suppressions">
    <label>
      Add an address
      <input
        name="address"
        type="text"
        inputMode="email"
        autoComplete="off"
        required
        maxLength={1_000}
        placeholder="ada@example.com"
        value={rejected?.address ?? ''}
        aria-invalid={rejected ? 'true' : undefined}
        aria-describedby={rejected ? 'error' : undefined}
      />
    </label>
    <label>
      Reason, for colleagues
      <input name="note" autoComplete="off" maxLength={500} placeholder="Asked us by phone" dir="auto" />
    </label>
    <button type="submit" class="primary">
      Add
    </button>
    {rejected && (
      <p class="error" role="alert" id="error">
        {rejected.error}
      </p>
    )}
  </form>
)

const SuppressionTable = ({ suppressions, people }: Pick<SuppressionListProps, 'suppressions' | 'people'>) => (
  <Table
    caption="Suppressed addresses, newest first"
    columns={['Address', ['Reason', 'wide'], ['Since (UTC)', 'wide'], ['Remove', 'number', 'hidden']]}
  >
    {suppressions.map((suppression) => (
      <SuppressionRow key={String(suppression.id)} suppression={suppression} people={people} />
    ))}
  </Table>
)

const SuppressionRow = ({ suppression: it, people }: { suppression: Suppression; people: PersonLinks }) => (
  <tr class={it.removedAt ? 'removed' : undefined}>
    <td class="main-cell strong">
      {isErasedKey(it.address) ? (
        <span class="muted">Erased address</span>
      ) : (
        <a class="row-link" href={people.pathTo(it.address)}>
          <Address of={it.address} />
        </a>
      )}
      <span class="narrow muted small">
        <Reason of={it} />
        <span class="block">
          <Timestamp at={it.createdAt} zone />
        </span>
      </span>
    </td>
    <td class="wide">
      <Reason of={it} />
    </td>
    <td class="wide when">
      <Timestamp at={it.createdAt} />
      {it.removedAt && (
        <span class="block">
          until <Timestamp at={it.removedAt} />
        </span>
      )}
    </td>
    <td class="number">{it.removedAt === null && !isErasedKey(it.address) && <RemoveForm address={it.address} />}</td>
  </tr>
)

/** The reason, with its email or the person who added it. */
const Reason = ({ of: it }: { of: Suppression }) => (
  <>
    {it.provider && it.emailId ? (
      <a href={emailPath(it.provider, it.emailId)}>{phrase(it.reason)}</a>
    ) : (
      phrase(it.reason)
    )}
    {(it.addedBy || it.note) && <AuditLine verb="by" by={it.addedBy} note={it.note} />}
    {it.removedAt && <AuditLine verb="removed by" by={it.removedBy} note={it.removalNote} />}
  </>
)

export const AuditLine = ({ verb, by, note }: { verb: string; by: string | null; note: string | null }) => (
  <span class="block muted small">
    {verb} <bdi>{by ?? 'the API'}</bdi>
    {note && (
      <>
        : <bdi>{note}</bdi>
      </>
    )}
  </span>
)

interface RemoveFormProps {
  readonly address: string
  /** The page to return to. Default: the list. */
  readonly back?: string
}

export const RemoveForm = (props: RemoveFormProps) => (
  <Allowed to="suppress">
    <RemoveDetails {...props} />
  </Allowed>
)

const RemoveDetails = ({ address, back }: RemoveFormProps) => (
  <details class="remove-form">
    <summary>
      Remove<span class="hidden-text"> {address}</span>
    </summary>
    <form method="post" action="/suppressions/remove">
      <input type="hidden" name="address" value={address} />
      {back && <input type="hidden" name="back" value={back} />}
      <label>
        Reason, for colleagues
        <input name="note" autoComplete="off" required maxLength={500} placeholder="Mailbox works again" dir="auto" />
      </label>
      <button type="submit">Remove from the list</button>
    </form>
  </details>
)

function NoSuppressions({ q, isFiltered }: { q: string; isFiltered: boolean }) {
  if (q !== '') {
    return (
      <EmptyState title="This address is not suppressed">
        Emails can be sent to it. Search for a complete address; upper and lower case are equal.{' '}
        <a href="/suppressions">Show the list</a>
      </EmptyState>
    )
  }
  return isFiltered ? (
    <EmptyState title="No suppressions match">
      <a href="/suppressions">Show the whole list</a>
    </EmptyState>
  ) : (
    <EmptyState title="No suppressions yet">
      Hard bounces and complaints add addresses automatically.
      <Allowed to="suppress">
        {' '}
        Import the list of your previous provider from <a href="/suppressions/import">a CSV file</a>.
      </Allowed>
    </EmptyState>
  )
}
