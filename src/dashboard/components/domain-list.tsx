/** The list of sending domains, with a search for one that no report is about yet. */
import type { ReportedDomain } from '../../db/dmarc-reports.ts'
import { domainPath } from '../paths.ts'
import { Allowed } from './allowed.tsx'
import { count, percent, phrase } from './labels.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { type PageLinks, Pager } from './pager.tsx'
import { Imported, type ImportedFiles, ReportUpload } from './report-upload.tsx'
import { Table } from './table.tsx'

interface DomainListProps {
  readonly domains: readonly ReportedDomain[]
  readonly links: PageLinks
  /** What was searched for, if it is no domain. */
  readonly rejected?: string | undefined
  /** What was just uploaded. */
  readonly imported?: ImportedFiles
}

export const DomainList = ({ domains, links, rejected, imported }: DomainListProps) => (
  <>
    <PageHead title="Domains" />
    <search>
      <form class="filter" method="get" action="/domains">
        <label class="search">
          <span class="hidden-text">Domain</span>
          <input
            type="search"
            name="domain"
            value={rejected ?? ''}
            placeholder="Check a domain that you send from"
            maxLength={1_000}
            dir="auto"
            aria-invalid={rejected === undefined ? undefined : 'true'}
            aria-describedby={rejected === undefined ? undefined : 'error'}
          />
        </label>
        <button type="submit">Check</button>
      </form>
    </search>
    {rejected !== undefined && (
      <p class="error" role="alert" id="error">
        Enter a domain, such as example.com.
      </p>
    )}
    {imported && <Imported of={imported} />}
    {domains.length > 0 ? (
      <>
        <DomainTable domains={domains} />
        <Pager {...links} />
      </>
    ) : (
      <EmptyState title="No DMARC reports yet">
        Receivers report which messages in the name of your domain pass SPF and DKIM. Check a domain above to see the
        DMARC record that asks for reports, then let them come by mail, import them here or with{' '}
        <code>npx aftersend domains import</code>.
      </EmptyState>
    )}
    <Allowed to="operate">
      <ReportUpload />
    </Allowed>
  </>
)

const DomainTable = ({ domains }: { domains: readonly ReportedDomain[] }) => (
  <Table
    name={{ 'aria-label': 'Domains of the last 30 days' }}
    columns={[
      'Domain',
      ['Messages (30 days)', 'number'],
      ['Pass DMARC', 'number'],
      'Policy',
      ['Last report (UTC)', 'number'],
    ]}
  >
    {domains.map(({ domain, messages, aligned, policy: { policy }, lastDay }) => (
      <tr key={domain}>
        <td class="main-cell">
          <a class="row-link" href={domainPath(domain)}>
            <bdi>{domain}</bdi>
          </a>
        </td>
        <td class="number">{count(messages)}</td>
        <td class="number">{percent(messages === 0 ? null : aligned / messages)}</td>
        <td>{policy === null ? '–' : phrase(policy)}</td>
        <td class="number">{lastDay}</td>
      </tr>
    ))}
  </Table>
)
