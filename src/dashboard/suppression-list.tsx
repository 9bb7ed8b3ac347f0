/** The suppression list as a page. */

import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { Choice } from './choice.tsx'
import { Address, emailPath } from './email-rows.tsx'
import { Empty, PageHead } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import type { SuppressionQuery } from './suppressions.tsx'
import { Moment } from './time.tsx'
import { phrase } from './words.ts'

interface SuppressionListProps {
  readonly suppressions: readonly Suppression[]
  readonly asked: SuppressionQuery
  readonly links: PageLinks
  /** An address that could not be added, and why. */
  readonly refused: { readonly address: string; readonly mistake: string } | null
}

export const SuppressionList = ({ suppressions, asked, links, refused }: SuppressionListProps) => (
  <>
    <PageHead title="Suppressions">
      <a class="button" href="/suppressions/import">
        Import CSV
      </a>
      <a class="button" href="/suppressions/export" download>
        Export CSV
      </a>
    </PageHead>
    <Addition refused={refused} />
    <search>
      <form class="filter" method="get" action="/suppressions">
        <label class="search">
          <span class="hidden-text">Search</span>
          <input type="search" name="q" value={asked.q} placeholder="Whole address" maxLength={1_000} />
        </label>
        <Choice name="reason" any="Any reason" options={suppressionReasons} chosen={asked.reason} />
        <label class="check">
          <input type="checkbox" name="removed" value="shown" checked={asked.removed === 'shown'} />
          Show removed
        </label>
        <button type="submit">Search</button>
      </form>
    </search>
    {suppressions.length > 0 ? (
      <>
        <SuppressionTable suppressions={suppressions} />
        <Pager {...links} />
      </>
    ) : (
      <NoSuppressions q={asked.q} isFiltered={Boolean(asked.reason || links.isFurther)} />
    )}
  </>
)

const Addition = ({ refused }: Pick<SuppressionListProps, 'refused'>) => (
  <form class="card addition" method="post" action="/suppressions">
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
        value={refused?.address ?? ''}
        aria-invalid={refused ? 'true' : undefined}
        aria-describedby={refused ? 'mistake' : undefined}
      />
    </label>
    <label>
      Why, for colleagues
      <input name="note" autoComplete="off" maxLength={500} placeholder="Asked us by phone" dir="auto" />
    </label>
    <button type="submit" class="primary">
      Add
    </button>
    {refused && (
      <p class="mistake" role="alert" id="mistake">
        {refused.mistake}
      </p>
    )}
  </form>
)

const SuppressionTable = ({ suppressions }: Pick<SuppressionListProps, 'suppressions'>) => (
  <div class="table-frame">
    <table>
      <caption class="hidden-text">Suppressed addresses, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Address</th>
          <th scope="col" class="wide">
            Reason
          </th>
          <th scope="col" class="wide">
            Since (UTC)
          </th>
          <th scope="col" class="number">
            <span class="hidden-text">Remove</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {suppressions.map((suppression) => (
          <SuppressionRow key={String(suppression.id)} suppression={suppression} />
        ))}
      </tbody>
    </table>
  </div>
)

const SuppressionRow = ({ suppression: it }: { suppression: Suppression }) => (
  <tr class={it.removedAt ? 'past' : undefined}>
    <td class="main-cell strong">
      {isErasedKey(it.address) ? <span class="muted">Somebody who was erased</span> : <Address of={it.address} />}
      <span class="narrow muted small">
        <Reason of={it} />
        <span class="block">
          <Moment at={it.createdAt} zone />
        </span>
      </span>
    </td>
    <td class="wide">
      <Reason of={it} />
    </td>
    <td class="wide when">
      <Moment at={it.createdAt} />
      {it.removedAt && (
        <span class="block">
          until <Moment at={it.removedAt} />
        </span>
      )}
    </td>
    <td class="number">{it.removedAt === null && !isErasedKey(it.address) && <Removal address={it.address} />}</td>
  </tr>
)

/** Why, and who says so: an event of an email, or a person. */
const Reason = ({ of: it }: { of: Suppression }) => (
  <>
    {it.provider && it.emailId ? (
      <a href={emailPath(it.provider, it.emailId)}>{phrase(it.reason)}</a>
    ) : (
      phrase(it.reason)
    )}
    {(it.addedBy || it.note) && <Hand verb="by" by={it.addedBy} note={it.note} />}
    {it.removedAt && <Hand verb="removed by" by={it.removedBy} note={it.removalNote} />}
  </>
)

const Hand = ({ verb, by, note }: { verb: string; by: string | null; note: string | null }) => (
  <span class="block muted small">
    {verb} <bdi>{by ?? 'the API'}</bdi>
    {note && (
      <>
        : <bdi>{note}</bdi>
      </>
    )}
  </span>
)

const Removal = ({ address }: { address: string }) => (
  <details class="removal">
    <summary>
      Remove<span class="hidden-text"> {address}</span>
    </summary>
    <form method="post" action="/suppressions/remove">
      <input type="hidden" name="address" value={address} />
      <label>
        Why, for colleagues
        <input name="note" autoComplete="off" required maxLength={500} placeholder="Mailbox works again" dir="auto" />
      </label>
      <button type="submit">Remove from the list</button>
    </form>
  </details>
)

function NoSuppressions({ q, isFiltered }: { q: string; isFiltered: boolean }) {
  if (q !== '') {
    return (
      <Empty title="This address is not suppressed">
        It can be written to. Addresses are compared whole, whatever the case of their letters.{' '}
        <a href="/suppressions">Show the list</a>
      </Empty>
    )
  }
  return isFiltered ? (
    <Empty title="None is like that">
      <a href="/suppressions">Show the whole list</a>
    </Empty>
  ) : (
    <Empty title="Nobody is suppressed">
      Hard bounces and complaints add addresses by themselves. Bring in what you know from your last provider with{' '}
      <a href="/suppressions/import">a CSV file</a>.
    </Empty>
  )
}
