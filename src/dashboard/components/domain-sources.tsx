/** The hosts that send in the name of a domain, one row each. */
import type { DomainView } from '../../api/domain-view.ts'
import { FigureTable } from './figure-table.tsx'
import { count, percent } from './labels.ts'

type Source = DomainView['sources'][number]

export const DomainSources = ({ sources }: { sources: readonly Source[] }) => (
  <section aria-labelledby="sources">
    <h2 id="sources">Sources</h2>
    <FigureTable
      name={{ 'aria-labelledby': 'sources' }}
      labelName="IP address"
      labelOf={(source: Source) => (
        <>
          {source.sourceIp}
          <span class="muted block small">{authenticatedAs(source)}</span>
        </>
      )}
      columns={columns}
      rows={sources}
      keyOf={({ sourceIp }) => sourceIp}
    />
  </section>
)

const columns = [
  { name: 'Messages', textOf: ({ messages }: Source) => count(messages) },
  { name: 'Pass DMARC', textOf: (source: Source) => shareOf(source, source.aligned) },
  { name: 'DKIM', textOf: (source: Source) => shareOf(source, source.dkimAligned) },
  { name: 'SPF', textOf: (source: Source) => shareOf(source, source.spfAligned) },
  { name: 'Spam', textOf: ({ quarantined }: Source) => count(quarantined) },
  { name: 'Refused', textOf: ({ rejected }: Source) => count(rejected) },
  { name: 'First day (UTC)', textOf: ({ firstDay }: Source) => firstDay },
  { name: 'Last day (UTC)', textOf: ({ lastDay }: Source) => lastDay },
]

const shareOf = ({ messages }: Source, number: number): string => percent(messages === 0 ? null : number / messages, 0)

function authenticatedAs({ dkimDomain, spfDomain }: Source): string {
  const parts = [dkimDomain && `signed by ${dkimDomain}`, spfDomain && `return path of ${spfDomain}`].filter(Boolean)
  return parts.length === 0 ? 'not authenticated' : parts.join(', ')
}
