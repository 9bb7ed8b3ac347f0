/** What the last comparisons with the providers' own records have found. */
import type { Reconciliation } from '../../db/generated/client.ts'
import { plainProviderOf } from '../../domain/project.ts'
import { providerNamed } from '../../providers/registry.ts'
import { Allowed } from './allowed.tsx'
import { count, counted } from './labels.ts'
import { Timestamp } from './timestamp.tsx'

/** One sentence for each provider, on the overview. */
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
  return (
    <>
      Agrees with {provider} as of <Timestamp at={run.to} zone />: {counted(run.compared, 'event')} compared,{' '}
      {run.missing === 0
        ? 'none was missing'
        : `${count(run.missing)} of ${counted(run.emails, 'email')} were missing and are stored now`}
      .
    </>
  )
}

const titleOf = (stored: string): string => {
  const title = providerNamed(stored)?.title ?? plainProviderOf(stored)
  return stored.includes(':') ? `${title} (${stored.split(':')[0]})` : title
}

interface ComparisonProps {
  /** The providers whose record can be compared. */
  readonly comparable: readonly string[]
  readonly runs: readonly Reconciliation[]
}

/** The last comparison of each provider, and the form that starts one, on the setup page. */
export const Comparisons = ({ comparable, runs }: ComparisonProps) =>
  comparable.length === 0 ? null : (
    <section aria-labelledby="comparisons">
      <h2 id="comparisons">Comparison with the providers’ own records</h2>
      <div class="card">
        <ul class="plain">
          {comparable.map((provider) => {
            const run = runs.find((each) => each.provider === provider)
            return (
              <li key={provider} class="card-head">
                <span>{run ? <Agreement of={run} /> : `${titleOf(provider)} has not been compared yet.`}</span>
                <Allowed to="operate">
                  <form method="post" action="/setup/reconcile">
                    <input type="hidden" name="provider" value={provider} />
                    <button type="submit">
                      Compare now<span class="hidden-text"> with {titleOf(provider)}</span>
                    </button>
                  </form>
                </Allowed>
              </li>
            )
          })}
        </ul>
      </div>
    </section>
  )
