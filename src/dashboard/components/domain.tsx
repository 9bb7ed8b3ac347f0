/** The page of a sending domain: what to change, messages per day, sources, DNS records. */
import type { DomainView } from '../../api/domain-view.ts'
import type { Reporter } from '../../db/dmarc-reports.ts'
import { domainPath, pathWith } from '../paths.ts'
import { Chart } from './charts.tsx'
import { DomainSources } from './domain-sources.tsx'
import { Fact } from './fact.tsx'
import { Icon } from './icons.tsx'
import { count, percent, phrase } from './labels.ts'
import { EmptyState, PageHead } from './layout.tsx'
import { Reporters } from './reporters.tsx'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { Tabs } from './tabs.tsx'

const dayMs = 86_400_000

export const domainPeriods = {
  '7d': { name: '7 days', lengthMs: 7 * dayMs },
  '30d': { name: '30 days', lengthMs: 30 * dayMs },
  '90d': { name: '90 days', lengthMs: 90 * dayMs },
} as const

export type DomainPeriodName = keyof typeof domainPeriods

interface DomainPageProps {
  readonly domain: DomainView
  readonly reporters: readonly Reporter[]
  readonly range: DomainPeriodName
}

export const DomainPage = ({ domain, reporters, range }: DomainPageProps) => (
  <>
    <PageHead title={<bdi>{domain.domain}</bdi>} parent="/domains">
      <Tabs
        label="Period"
        tabs={Object.entries(domainPeriods).map(([key, { name }]) => ({
          name,
          href: pathWith(domainPath(domain.domain), { range: key === '30d' ? undefined : key }),
          isCurrent: key === range,
        }))}
      />
    </PageHead>
    {domain.messages > 0 && <DomainFacts of={domain} />}
    <Findings of={domain.findings} />
    {domain.messages > 0 ? (
      <>
        <DayChart days={domain.days} />
        <DomainSources sources={domain.sources} />
        <Reporters of={reporters} />
      </>
    ) : (
      <EmptyState title="No reports of this period">
        Receivers send reports once a day to the address that the DMARC record names (rua). Import them with{' '}
        <code>npx aftersend domains import</code>.
      </EmptyState>
    )}
    <Published of={domain.published} domain={domain.domain} />
  </>
)

const DomainFacts = ({ of: domain }: { of: DomainView }) => {
  const share = (number: number) => `${percent(number / domain.messages)} (${count(number)})`
  return (
    <dl class="facts card">
      <Fact name="Messages">{count(domain.messages)}</Fact>
      <Fact name="Pass DMARC">{share(domain.aligned)}</Fact>
      <Fact name="DKIM passes and matches">{share(domain.dkimAligned)}</Fact>
      <Fact name="SPF passes and matches">{share(domain.spfAligned)}</Fact>
      <Fact name="Put into spam">{count(domain.quarantined)}</Fact>
      <Fact name="Refused">{count(domain.rejected)}</Fact>
      <Fact name="Policy that receivers saw last">{domain.policy?.policy ? phrase(domain.policy.policy) : 'None'}</Fact>
    </dl>
  )
}

const Findings = ({ of: findings }: { of: DomainView['findings'] }) => (
  <section aria-labelledby="findings">
    <h2 id="findings">What to change</h2>
    {findings.length === 0 ? (
      <p class="all-clear">
        <Icon name="check" /> Nothing: SPF, DKIM and DMARC are as they should be.
      </p>
    ) : (
      <ul class="findings">
        {findings.map((finding) => (
          <li key={`${finding.code} ${finding.problem}`} class="card">
            <p>
              <Status of={finding.severity} /> <bdi>{finding.problem}</bdi>
            </p>
            <p>
              <bdi>{finding.change}</bdi>
            </p>
            {finding.record && (
              <p class="dns-record">
                <span class="muted block small">TXT record of {finding.record.name}</span>
                <code>{finding.record.value}</code>
              </p>
            )}
          </li>
        ))}
      </ul>
    )}
  </section>
)

const DayChart = ({ days }: { days: DomainView['days'] }) => (
  <Chart
    id="days"
    title="Messages per day"
    unit="emails"
    bucket="day"
    buckets={days.map(({ day, messages }) => ({ startsAt: new Date(day), figures: { emails: messages } }))}
    series={[
      { name: 'Pass DMARC', tone: 'success', values: days.map(({ aligned }) => aligned) },
      { name: 'Fail DMARC', tone: 'danger', values: days.map(({ messages, aligned }) => messages - aligned) },
    ]}
    columns={[
      { name: 'DKIM', values: days.map(({ dkimAligned }) => count(dkimAligned)) },
      { name: 'SPF', values: days.map(({ spfAligned }) => count(spfAligned)) },
      { name: 'Spam', values: days.map(({ quarantined }) => count(quarantined)) },
      { name: 'Refused', values: days.map(({ rejected }) => count(rejected)) },
      { name: 'Policy', values: days.map(({ policy }) => (policy === null ? '–' : phrase(policy))) },
    ]}
  />
)

interface PublishedProps {
  readonly of: DomainView['published']
  readonly domain: string
}

function Published({ of: { dmarc, spf, keys }, domain }: PublishedProps) {
  const named = [
    { name: `_dmarc.${dmarc.foundAt ?? domain}`, records: dmarc.records },
    ...spf,
    ...keys.map((key) => ({ name: `${key.selector}._domainkey.${key.domain}`, ...key })),
  ]
  return (
    <section aria-labelledby="published">
      <h2 id="published">Published in DNS</h2>
      <Table name={{ 'aria-labelledby': 'published' }} columns={['Name', 'TXT record']}>
        {named.map((each) => {
          const name = 'name' in each ? each.name : each.domain
          return (
            <tr key={name}>
              <td>{name}</td>
              <td>
                <Records of={each.records} />
                {'lookups' in each && each.lookups > 0 && (
                  <span class="muted block small">{each.lookups} of 10 DNS lookups</span>
                )}
                {'bits' in each && each.bits !== null && <span class="muted block small">{each.bits} bits</span>}
              </td>
            </tr>
          )
        })}
      </Table>
    </section>
  )
}

function Records({ of: records }: { of: readonly string[] | null }) {
  if (records === null) return <span class="muted">DNS did not answer</span>
  if (records.length === 0) return <span class="muted">None</span>
  return (
    <>
      {records.map((record) => (
        <code key={record} class="block dns-record">
          {record}
        </code>
      ))}
    </>
  )
}
