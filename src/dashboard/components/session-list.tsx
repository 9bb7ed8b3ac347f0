/** Who is signed in, as a table. */
import type { OpenSession } from '../../api/sessions.ts'
import { PageHead } from './layout.tsx'
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
    <div class="table-frame">
      <table>
        <caption class="hidden-text">Who is signed in, the last used session first</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Signed in with</th>
            <th scope="col" class="wide">
              From
            </th>
            <th scope="col" class="wide">
              Signed in (UTC)
            </th>
            <th scope="col" class="wide">
              Last used (UTC)
            </th>
            <th scope="col" class="number">
              <span class="hidden-text">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <SessionRow key={session.id} of={session} isOwn={session.id === ownId} />
          ))}
        </tbody>
      </table>
    </div>
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
