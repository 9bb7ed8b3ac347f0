/** Failures whose reason and party people have labelled, by what the text means. */
import { readdirSync, readFileSync } from 'node:fs'
import type { FailureEvidence, FailureParty, FailureReason } from '../../src/domain/failure.ts'

export interface LabelledFailure extends FailureEvidence {
  /** Where the text comes from. */
  readonly source: string
  readonly reason: FailureReason
  readonly party: FailureParty
  /** Whether the recipient is to be suppressed because of this one failure. */
  readonly suppress: boolean
  /** Whether the row was kept from whoever wrote the rules. */
  readonly held?: true
}

const folder = new URL('failures/', import.meta.url)

/** The rows of all files of test/domain/failures. */
export const labelledFailures: readonly LabelledFailure[] = readdirSync(folder)
  .filter((name) => name.endsWith('.jsonl'))
  .sort()
  .flatMap((name) => readFileSync(new URL(name, folder), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line) as LabelledFailure)
