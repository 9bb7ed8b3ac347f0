import type { Reporter } from '../../db/dmarc-reports.ts'
import { FigureTable } from './figure-table.tsx'
import { count } from './labels.ts'

/** Who sent the reports, and whether they really did. Nothing if nobody checks that (MAIL_AUTHSERV_ID). */
export const Reporters = ({ of: reporters }: { of: readonly Reporter[] }) =>
  reporters.some(({ authenticatedAs }) => authenticatedAs !== null) && (
    <section aria-labelledby="reporters">
      <h2 id="reporters">Who sent the reports</h2>
      <FigureTable
        name={{ 'aria-labelledby': 'reporters' }}
        labelName="Reporter"
        labelOf={({ organization, authenticatedAs }: Reporter) => (
          <>
            <bdi>{organization}</bdi>
            <span class="muted block small">{verificationOf(authenticatedAs)}</span>
          </>
        )}
        columns={[
          { name: 'Reports', textOf: ({ reports }: Reporter) => count(reports) },
          { name: 'Last day (UTC)', textOf: ({ lastDay }: Reporter) => lastDay },
        ]}
        rows={reporters}
        keyOf={({ organization, authenticatedAs }) => `${organization} ${authenticatedAs}`}
      />
    </section>
  )

function verificationOf(authenticatedAs: string | null): string {
  if (authenticatedAs === null) return 'not checked'
  return authenticatedAs === '' ? 'not verified' : `verified as ${authenticatedAs}`
}
