/** `npm run bench:bounces`: how well failures are judged, on the labelled rows of test/domain/failures. */
import { type FailureReason, isHeldAgainstRecipient } from '../src/domain/failure.ts'
import { failureRulesVersion } from '../src/domain/failure-rules.ts'
import { judgeFailure } from '../src/domain/judge-failure.ts'
import { type LabelledFailure, labelledFailures } from '../test/domain/labelled-failures.ts'

const judged = labelledFailures.map((row) => {
  const judgement = judgeFailure(row)
  return { row, judgement, isSuppressed: isHeldAgainstRecipient(judgement) }
})
type Judged = (typeof judged)[number]

const ratio = (part: number, whole: number): string => (whole === 0 ? '–' : (part / whole).toFixed(3))

function printFigures(name: string, rows: readonly Judged[]): void {
  const count = (is: (one: Judged) => boolean) => rows.filter(is).length
  const right = count(({ row, isSuppressed }) => row.suppress && isSuppressed)
  console.log(`\n${name}: ${rows.length} rows`)
  console.log(
    `  suppression precision  ${ratio(
      right,
      count(({ isSuppressed }) => isSuppressed),
    )}`,
  )
  console.log(
    `  suppression recall     ${ratio(
      right,
      count(({ row }) => row.suppress),
    )}`,
  )
  console.log(`  reason is right        ${ratio(count(hasReason), rows.length)}`)
  console.log(
    `  party is right         ${ratio(
      count(({ row, judgement }) => judgement.party === row.party),
      rows.length,
    )}`,
  )
}

const hasReason = ({ row, judgement }: Judged): boolean => judgement.reason === row.reason

/** Labelled reasons down, and what they were judged to be. */
function printConfusion(rows: readonly Judged[]): void {
  const reasons = [...new Set(rows.map(({ row }) => row.reason))].sort()
  for (const reason of reasons) {
    const ofReason = rows.filter(({ row }) => row.reason === reason)
    const verdicts = new Map<FailureReason, number>()
    for (const { judgement } of ofReason) verdicts.set(judgement.reason, (verdicts.get(judgement.reason) ?? 0) + 1)
    const others = [...verdicts].filter(([verdict]) => verdict !== reason).map(([verdict, n]) => `${verdict} ${n}`)
    const right = verdicts.get(reason) ?? 0
    console.log(
      `  ${reason.padEnd(20)} ${String(right).padStart(3)} of ${String(ofReason.length).padStart(3)}   ${others.join(', ')}`,
    )
  }
}

function describe({ source, text, word, subWord }: LabelledFailure): string {
  return `${text ?? [word, subWord].filter(Boolean).join(' ')} (${source})`
}

const development = judged.filter(({ row }) => !row.held)
const held = judged.filter(({ row }) => row.held)
console.log(`Rules version ${failureRulesVersion}`)
printFigures('Development rows', development)
printConfusion(development)
printFigures('Held-back rows', held)
printConfusion(held)

if (process.argv.includes('--misses')) {
  // Of the development rows only: who reads the others can no longer measure with them.
  for (const one of development) {
    const { row, judgement, isSuppressed } = one
    if (hasReason(one) && judgement.party === row.party && isSuppressed === row.suppress) continue
    console.log(`\n${row.reason} ${row.party} ${row.suppress}: ${describe(row)}`)
    console.log(`  ${judgement.reason} ${judgement.party} ${isSuppressed} by ${judgement.rule}: ${judgement.evidence}`)
  }
}
