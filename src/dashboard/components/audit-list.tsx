/** The audit log as a table, with its filter. */
import type { AuditEntry } from '../../db/generated/client.ts'
import { type AuditAction, auditActions, auditOutcomeOf } from '../../domain/audit.ts'
import { defaultProject } from '../../domain/project.ts'
import { pathWith } from '../paths.ts'
import { None } from './engagement-cells.tsx'
import { FilterSelect } from './filter-select.tsx'
import { EmptyState, PageHead } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import { Table } from './table.tsx'
import { Timestamp } from './timestamp.tsx'

interface AuditListProps {
  readonly entries: readonly AuditEntry[]
  readonly filter: { readonly action: AuditAction | undefined; readonly actor: string }
  readonly links: PageLinks
}

export const AuditList = ({ entries, filter, links }: AuditListProps) => (
  <>
    <PageHead title="Audit log">
      <a class="button" href={pathWith('/setup/audit/export', filter)} download>
        Export
      </a>
    </PageHead>
    <search>
      <form class="filter" method="get" action="/setup/audit">
        <label class="search">
          <span class="hidden-text">Name</span>
          <input
            type="search"
            name="actor"
            value={filter.actor}
            placeholder="Name of a key or person"
            maxLength={64}
            dir="auto"
          />
        </label>
        <FilterSelect name="action" anyLabel="Any action" options={auditActions} selected={filter.action} />
        <button type="submit">Search</button>
      </form>
    </search>
    {entries.length > 0 ? (
      <>
        <AuditTable entries={entries} />
        <Pager {...links} />
      </>
    ) : (
      <EmptyState title="No entries">Nothing that the filter names was done.</EmptyState>
    )}
  </>
)

const AuditTable = ({ entries }: Pick<AuditListProps, 'entries'>) => (
  <Table
    caption="What was done, newest first"
    columns={['Who', 'What', ['To', 'wide'], ['From', 'wide'], ['When (UTC)', 'wide']]}
  >
    {entries.map((entry) => (
      <AuditRow key={String(entry.id)} of={entry} />
    ))}
  </Table>
)

const AuditRow = ({ of: it }: { of: AuditEntry }) => (
  <tr>
    <td class="main-cell strong">
      <bdi>{it.actor}</bdi>
      <span class="block muted small">
        {it.via === 'api' ? 'API key' : 'Dashboard'}
        {it.project !== null && it.project !== defaultProject && ` of ${it.project}`}
      </span>
    </td>
    <td>
      <code>{it.action}</code>
      {auditOutcomeOf(it.status) !== 'done' && (
        <span class="block muted small">
          {auditOutcomeOf(it.status)} ({it.status})
        </span>
      )}
      <span class="narrow muted small">
        <Timestamp at={it.at} zone />
      </span>
    </td>
    <td class="wide">{it.subject ?? (it.addressKey ? <span class="muted">An address</span> : <None />)}</td>
    <td class="wide">{it.client}</td>
    <td class="wide when">
      <Timestamp at={it.at} />
    </td>
  </tr>
)
