/** What the last comparisons with the providers' own records have found. */
import { statementOf } from '../../api/reconciliation-runs.ts'
import type { Reconciliation } from '../../db/generated/client.ts'
import {
  type AuditStatement,
  type Agreement as Counts,
  type DifferenceReason,
  differenceReasons,
  differencesIn,
} from '../../domain/agreement.ts'
import { plainProviderOf } from '../../domain/project.ts'
import type { ProviderApi } from '../../providers/provider-api.ts'
import { providerNamed } from '../../providers/registry.ts'
import { Allowed } from './allowed.tsx'
import { Fact } from './fact.tsx'
import { count, counted } from './labels.ts'
import { Timestamp } from './timestamp.tsx'

type ApiParts = Pick<ProviderApi, 'history' | 'suppressionLists'>

/** A sentence for each provider and kind, on the overview. */
export const Agreements = ({ runs }: { runs: readonly Reconciliation[] }) =>
  runs.length === 0 ? null : (
    <section class="card" aria-labelledby="agreements">
      <h2 id="agreements">Compared with the providers</h2>
      <ul class="plain">
        {runs.map((run) => (
          <li key={run.id}>
            <Agreement of={run} />
          </li>
        ))}
      </ul>
    </section>
  )

const Agreement = ({ of: run }: { of: Reconciliation }) => {
  const provider = titleOf(run.provider)
  if (run.failure !== null) {
    return (
      <span class="error">
        {provider} could not be compared: {run.failure}
      </span>
    )
  }
  const statement = statementOf(run)
  if (statement) return <Statement of={statement} provider={provider} at={run.to} />
  return (
    <>
      Compared with {provider} as of <Timestamp at={run.to} zone />: {counted(run.compared, 'event')},{' '}
      {run.missing === 0
        ? 'none was missing'
        : `${count(run.missing)} of ${counted(run.emails, 'email')} were missing and are stored now`}
      .
    </>
  )
}

interface StatementProps {
  readonly of: AuditStatement
  readonly provider: string
  readonly at: Date
}

const Statement = ({ of: statement, provider, at }: StatementProps) => {
  const differences = differencesIn(statement)
  const { emails, addresses } = statement
  return (
    <>
      {differences === 0 ? 'Agrees with' : 'Differs from'} {provider} as of <Timestamp at={at} zone />:{' '}
      {counted(emails?.compared ?? 0, 'email')}
      {addresses && `, ${counted(addresses.compared, 'suppressed address', 'suppressed addresses')}`},{' '}
      {counted(differences, 'difference')}.
      {differences > 0 && (
        <ul>
          <Reasons of={emails} noun="email" plural="emails" />
          <Reasons of={addresses} noun="address" plural="addresses" />
        </ul>
      )}
    </>
  )
}

const Reasons = ({ of, noun, plural }: { of: Counts | null; noun: string; plural: string }) => (
  <>
    {(Object.entries(of?.different ?? {}) as [DifferenceReason, number][]).map(([reason, differing]) => (
      <li key={reason}>
        {counted(differing, noun, plural)}: {differenceReasons[reason]}
      </li>
    ))}
  </>
)

const titleOf = (stored: string): string => {
  const title = providerNamed(stored)?.title ?? plainProviderOf(stored)
  return stored.includes(':') ? `${title} (${stored.split(':')[0]})` : title
}

/** What the API of a provider can do besides answering questions about one email; none without one. */
export const ApiFacts = ({ of: api }: { of: ApiParts | undefined }) =>
  api && (
    <>
      <Fact name="Record of all emails">
        {api.history ? 'Compared every 15 minutes' : 'None: asked about each email'}
      </Fact>
      <Fact name="Suppression lists">{listFact(api.suppressionLists)}</Fact>
    </>
  )

function listFact(lists: ApiParts['suppressionLists']): string {
  if (!lists) return 'Not read'
  return lists.writing ? 'Merged every hour; changed if you ask' : 'Merged every hour; cannot be changed'
}

interface ComparisonProps {
  /** By the provider's name as it is stored. */
  readonly apis: ReadonlyMap<string, ApiParts>
  readonly runs: readonly Reconciliation[]
}

/** The last comparison and the last audit of each provider, and the forms that start one, on the setup page. */
export const Comparisons = ({ apis, runs }: ComparisonProps) =>
  apis.size === 0 ? null : (
    <section aria-labelledby="comparisons">
      <h2 id="comparisons">Comparison with the providers’ own records</h2>
      <div class="card">
        <ul class="plain">
          {[...apis].map(([provider, { history }]) => {
            const own = runs.filter((each) => each.provider === provider)
            return (
              <li key={provider} class="card-head">
                <ul class="plain">
                  {own.length === 0 && <li>{titleOf(provider)} has not been compared yet.</li>}
                  {own.map((run) => (
                    <li key={run.id}>
                      <Agreement of={run} />
                    </li>
                  ))}
                </ul>
                <Allowed to="operate">
                  {history && <StartForm provider={provider} kind="reconcile" label="Compare now" />}
                  <StartForm provider={provider} kind="audit" label="Audit 7 days" />
                </Allowed>
              </li>
            )
          })}
        </ul>
      </div>
    </section>
  )

const StartForm = ({ provider, kind, label }: { provider: string; kind: string; label: string }) => (
  <form method="post" action="/setup/reconcile">
    <input type="hidden" name="provider" value={provider} />
    <input type="hidden" name="kind" value={kind} />
    <button type="submit">
      {label}
      <span class="hidden-text"> with {titleOf(provider)}</span>
    </button>
  </form>
)
