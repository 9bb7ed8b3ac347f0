/** The named API keys, and the form that creates one. */
import type { ApiKey } from '../../db/generated/client.ts'
import { scopes } from '../../domain/access.ts'
import { defaultProject } from '../../domain/project.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { ProjectSelect } from './project-select.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

export interface KeyListProps {
  readonly keys: readonly ApiKey[]
  /** Those that a key can be created for. */
  readonly projects: readonly string[]
  /** The key that was just created: it is shown this once. */
  readonly created?: { readonly key: string; readonly name: string }
  /** Why none was created. */
  readonly rejected?: string
}

export const KeyList = ({ keys, projects, created, rejected }: KeyListProps) => (
  <>
    <PageHead title="API keys" />
    <div class="stack">
      {created && (
        <section class="card" aria-labelledby="created">
          <h2 id="created">The key of {created.name}</h2>
          <label>
            Copy it now: it is not stored, and cannot be shown again.
            <input class="address" readOnly value={created.key} />
          </label>
        </section>
      )}
      <form class="card" method="post" action="/setup/keys">
        <h2>Create a key</h2>
        <label>
          Name of the application or person
          <input name="name" required maxLength={64} pattern="[^@]+" autoComplete="off" dir="auto" />
        </label>
        <ProjectSelect projects={projects} />
        <fieldset>
          <legend>What it may do</legend>
          {Object.entries(scopes).map(([scope, meaning]) => (
            <label key={scope} class="check">
              <input type="checkbox" name="scope" value={scope} />
              <span>
                <code>{scope}</code> {meaning}
              </span>
            </label>
          ))}
        </fieldset>
        {rejected && (
          <p class="error" role="alert">
            {rejected}
          </p>
        )}
        <button type="submit" class="primary">
          Create
        </button>
      </form>
      {keys.length > 0 ? (
        <KeyTable keys={keys} />
      ) : (
        <EmptyState title="No named keys">Only the keys of API_KEYS open the API. They may do everything.</EmptyState>
      )}
    </div>
  </>
)

const KeyTable = ({ keys }: Pick<KeyListProps, 'keys'>) => (
  <Table
    caption="Named API keys, newest first"
    columns={['Name', 'Scopes', ['Created (UTC)', 'wide'], ['Last used (UTC)', 'wide'], ['Revoke', 'number', 'hidden']]}
  >
    {keys.map((key) => (
      <KeyRow key={key.id} of={key} />
    ))}
  </Table>
)

const KeyRow = ({ of: it }: { of: ApiKey }) => (
  <tr class={it.revokedAt ? 'removed' : undefined}>
    <td class="main-cell strong">
      <bdi>{it.name}</bdi>
      {it.project !== defaultProject && <span class="block muted small">{it.project}</span>}
    </td>
    <td>
      <code>{it.scopes.join(' ')}</code>
    </td>
    <td class="wide when">
      <Timestamp at={it.createdAt} />
      <span class="block muted">
        by <bdi>{it.createdBy}</bdi>
      </span>
    </td>
    <td class="wide when">{it.lastUsedAt ? <Timestamp at={it.lastUsedAt} /> : <span class="muted">Never</span>}</td>
    <td class="number">
      {it.revokedAt ? (
        <span class="muted">Revoked</span>
      ) : (
        <form method="post" action="/setup/keys/revoke">
          <input type="hidden" name="id" value={it.id} />
          <button type="submit">
            Revoke<span class="hidden-text"> {it.name}</span>
          </button>
        </form>
      )}
    </td>
  </tr>
)
