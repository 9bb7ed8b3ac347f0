/** The report of a simulation as text and as JSON. Pure. */
import type { Difference } from './comparison.ts'
import type { Reconciliation } from './reconciling.ts'
import { percentile, type Statistics, type Tally } from './statistics.ts'

const columns = ['sent', 'duplicates', 'retries', 'failed'] as const satisfies (keyof Tally)[]

const order = ['registration', 'queued', 'sending', 'sent', 'delivered', 'opened', 'clicked', 'bounced', 'complained']

/** One line of counts for each kind of request, their sums, response times and failures. */
export function sentTable(statistics: Statistics): string {
  const kinds = order.filter((kind) => statistics.tallies.has(kind))
  const countsOf = (kind: string) => columns.map((column) => statistics.tallies.get(kind)?.[column] ?? 0)
  const sums = columns.map((_, index) => kinds.reduce((sum, kind) => sum + (countsOf(kind)[index] ?? 0), 0))
  const rows = [
    ['posted', ...columns],
    ...kinds.map((kind) => [kind, ...countsOf(kind).map(String)]),
    ['all', ...sums.map(String)],
  ]
  return [...aligned(rows), '', latencyLine(statistics), ...failureLines(statistics)].join('\n')
}

/** For `--json`. @param differences null if nothing was verified. */
export function reportOf(
  { emails, seed, run, provider }: { emails: number; seed: number; run: string; provider: string },
  { tallies, latenciesMs, failures }: Statistics,
  differences: readonly Difference[] | null,
  reconciled: Reconciliation | null = null,
) {
  const latencyMs = {
    p50: percentile(latenciesMs, 0.5),
    p99: percentile(latenciesMs, 0.99),
    max: percentile(latenciesMs, 1),
  }
  return {
    ...{ emails, seed, run, provider },
    posted: Object.fromEntries(tallies),
    latencyMs,
    givenUp: Object.fromEntries(failures),
    ...(reconciled && { reconciled: { compared: reconciled.compared, missing: reconciled.missing } }),
    differences,
  }
}

/** Aligns the first column left, the others right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  )
}

function latencyLine({ latenciesMs }: Statistics): string {
  const shown = (share: number) => {
    const value = percentile(latenciesMs, share)
    return value === null ? '–' : `${value.toFixed(1)} ms`
  }
  return `response time: p50 ${shown(0.5)}, p99 ${shown(0.99)}, max ${shown(1)}`
}

const failureLines = ({ failures }: Statistics): string[] =>
  [...failures].map(([reason, count]) => `given up: ${count} × ${reason}`)

/** The others are counted only. */
const shownDifferences = 20

/** One line for each difference, and a last line with the totals. */
export function verdict(verified: number, differences: readonly Difference[]): string {
  const lines = differences
    .slice(0, shownDifferences)
    .map(({ emailId, field, expected, actual }) => `${emailId}  ${field}: expected ${expected}, got ${actual}`)
  const rest = differences.length - lines.length
  return [
    ...lines,
    ...(rest > 0 ? [`… and ${rest} more`] : []),
    `${verified} emails verified, ${differences.length} differences`,
  ].join('\n')
}
