/** Recipients of a period by mailbox provider, and those who bounced or failed by reason or party. */
import { failureLabelOf, partyLabelOf } from '../../domain/failure-labels.ts'
import { type Figures, figuresOf, type Tally } from '../../domain/figures.ts'
import { mailboxProviderLabel } from '../../domain/mailbox-provider.ts'
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

interface FailureBreakdownProps {
  readonly by: FailureBreakdownKey
  readonly parts: readonly { readonly value: string; readonly tally: Tally }[]
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
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      <section class="table-frame" tabIndex={0} aria-labelledby="failures">
        <table>
          <thead>
            <tr>
              <th scope="col">{views[by].name}</th>
              {columns.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {parts.map(({ value, tally }) => (
              <tr key={value}>
                <td>{views[by].labelOf(value)}</td>
                {columns.map(({ name, figureOf }) => (
                  <td key={name} class="number">
                    {count(figureOf(figuresOf(tally)))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    )}
  </section>
)

const columns: readonly { readonly name: string; readonly figureOf: (figures: Figures) => number }[] = [
  { name: 'Recipients', figureOf: ({ recipients }) => recipients },
  { name: 'Bounced', figureOf: ({ hardBounces }) => hardBounces.numerator },
  { name: 'Failed', figureOf: ({ failures }) => failures.numerator },
]
