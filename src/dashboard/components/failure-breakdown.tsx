/** Recipients of a period by mailbox provider, and those who bounced or failed by reason or party. */
import { failureLabelOf, partyLabelOf } from '../../domain/failure-labels.ts'
import { figuresOf, type Tally } from '../../domain/figures.ts'
import { mailboxProviderLabel } from '../../domain/mailbox-provider.ts'
import { isOfSenderDomain } from '../../domain/refusal-advice.ts'
import { FigureTable } from './figure-table.tsx'
import { Icon } from './icons.tsx'
import { count } from './labels.ts'
import { Tabs } from './tabs.tsx'

const views = {
  reason: { name: 'Reason', labelOf: (value: string) => failureLabelOf(value).label },
  party: { name: 'Caused by', labelOf: (value: string) => partyLabelOf(value).label },
  mailboxProvider: { name: 'Mailbox provider', labelOf: mailboxProviderLabel },
} as const

export type FailureBreakdownKey = keyof typeof views
export const failureBreakdownKeys = Object.keys(views) as FailureBreakdownKey[]

interface Part {
  readonly value: string
  readonly tally: Tally
}

interface FailureBreakdownProps {
  readonly by: FailureBreakdownKey
  readonly parts: readonly Part[]
  readonly hrefOf: (by: FailureBreakdownKey) => string
}

export const FailureBreakdown = ({ by, parts, hrefOf }: FailureBreakdownProps) => (
  <section class="failures" aria-labelledby="failures">
    <h2 id="failures">Why emails failed</h2>
    <Tabs
      label="Failures by"
      tabs={failureBreakdownKeys.map((key) => ({
        name: views[key].name,
        href: `${hrefOf(key)}#failures`,
        isCurrent: key === by,
      }))}
    />
    {parts.length === 0 ? (
      <p class="all-clear">
        <Icon name="check" /> {by === 'mailboxProvider' ? 'No emails' : 'No failures'} in this period.
      </p>
    ) : (
      <FigureTable
        name={{ 'aria-labelledby': 'failures' }}
        labelName={views[by].name}
        labelOf={({ value }: Part) => (
          <>
            {views[by].labelOf(value)}
            {by === 'reason' && isOfSenderDomain({ reason: value, party: 'sender' }) && (
              <a class="block small" href="/domains">
                Check your sending domain
              </a>
            )}
          </>
        )}
        columns={columns}
        rows={parts}
        keyOf={({ value }) => value}
      />
    )}
  </section>
)

const columns = [
  { name: 'Recipients', textOf: ({ tally }: Part) => count(figuresOf(tally).recipients) },
  { name: 'Bounced', textOf: ({ tally }: Part) => count(figuresOf(tally).hardBounces.numerator) },
  { name: 'Failed', textOf: ({ tally }: Part) => count(figuresOf(tally).failures.numerator) },
]
