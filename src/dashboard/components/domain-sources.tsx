/** The hosts that send in the name of a domain, one row each. */
import type { DomainView } from '../../api/domain-view.ts'
import { count, percent } from './labels.ts'

type Source = DomainView['sources'][number]

export const DomainSources = ({ sources }: { sources: readonly Source[] }) => (
  <section aria-labelledby="sources">
    <h2 id="sources">Sources</h2>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
    <section class="table-frame" tabIndex={0} aria-labelledby="sources">
      <table>
        <thead>
          <tr>
            <th scope="col">IP address</th>
            {columns.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <tr key={source.sourceIp}>
              <td>
                {source.sourceIp}
                <span class="muted block small">{authenticatedAs(source)}</span>
              </td>
              {columns.map(({ name, textOf }) => (
                <td key={name} class="number">
                  {textOf(source)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  </section>
)

const columns: readonly { readonly name: string; readonly textOf: (source: Source) => string }[] = [
  { name: 'Messages', textOf: ({ messages }) => count(messages) },
  { name: 'Pass DMARC', textOf: (source) => shareOf(source, source.aligned) },
  { name: 'DKIM', textOf: (source) => shareOf(source, source.dkimAligned) },
  { name: 'SPF', textOf: (source) => shareOf(source, source.spfAligned) },
  { name: 'Spam', textOf: ({ quarantined }) => count(quarantined) },
  { name: 'Refused', textOf: ({ rejected }) => count(rejected) },
  { name: 'First day (UTC)', textOf: ({ firstDay }) => firstDay },
  { name: 'Last day (UTC)', textOf: ({ lastDay }) => lastDay },
]

const shareOf = ({ messages }: Source, number: number): string => percent(messages === 0 ? null : number / messages, 0)

function authenticatedAs({ dkimDomain, spfDomain }: Source): string {
  const parts = [dkimDomain && `signed by ${dkimDomain}`, spfDomain && `return path of ${spfDomain}`].filter(Boolean)
  return parts.length === 0 ? 'not authenticated' : parts.join(', ')
}
