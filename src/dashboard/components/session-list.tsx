/** Who is signed in, as a table. */
import type { OpenSession } from '../../api/sessions.ts'
import { PageHead } from './layout.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

interface SessionListProps {
  readonly sessions: readonly OpenSession[]
  /** The session of the person who gets the page. */
  readonly ownId: string
}

export const SessionList = ({ sessions, ownId }: SessionListProps) => (
  <>
    <PageHead title="Sessions">
      {sessions.length > 1 && (
        <form method="post" action="/setup/sessions/revoke-others">
          <button type="submit">Revoke all others</button>
        </form>
      )}
    </PageHead>
    <Table
      caption="Who is signed in, the last used session first"
      columns={[
        'Name',
        'Signed in with',
        ['From', 'wide'],
        ['Signed in (UTC)', 'wide'],
        ['Last used (UTC)', 'wide'],
        ['Revoke', 'number', 'hidden'],
      ]}
    >
      {sessions.map((session) => (
        <SessionRow key={session.id} of={session} isOwn={session.id === ownId} />
      ))}
    </Table>
  </>
)

const SessionRow = ({ of: it, isOwn }: { of: OpenSession; isOwn: boolean }) => (
  <tr>
    <td class="main-cell strong">
      <bdi>{it.name}</bdi>
      {isOwn && <span class="muted"> · this session</span>}
    </td>
    <td>
      {it.keyId === null ? (
        `OpenID Connect, ${it.role}`
      ) : (
        <>
          Key <bdi title={it.keyId}>{it.keyName}</bdi>
        </>
      )}
    </td>
    <td class="wide">
      {it.client}
      <span class="block muted small">{it.userAgent}</span>
    </td>
    <td class="wide when">
      <Timestamp at={it.createdAt} />
    </td>
    <td class="wide when">
      <Timestamp at={it.lastSeenAt} />
    </td>
    <td class="number">
      {!isOwn && (
        <form method="post" action="/setup/sessions/revoke">
          <input type="hidden" name="id" value={it.id} />
          <button type="submit">
            Revoke<span class="hidden-text"> {it.name}</span>
          </button>
        </form>
      )}
    </td>
  </tr>
)
