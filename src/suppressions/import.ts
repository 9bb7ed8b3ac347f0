import type { Database } from '../db/database.ts'
import { countNewSuppressions, importSuppressions } from '../db/suppressions.ts'
import type { FileLine } from './file-lines.ts'

/** What became of a file's lines. */
export interface ImportReport {
  /** Addresses that are suppressed now and were not before; in a preview, those that would be. */
  added: number
  /** Addresses that were suppressed already, also by an earlier line. */
  known: number
  invalid: number
  /** The first {@link mistakeLimit} of the invalid ones, without what stands in them. */
  mistakes: { line: number; message: string }[]
}

const mistakeLimit = 100
const batchSize = 1_000

export interface ImportOptions {
  readonly db: Database
  /** Looks, and changes nothing. Repeats of an address more than 1,000 lines apart are each told as added then. */
  readonly isPreview: boolean
  /** Bounds one statement. */
  readonly inTime: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Suppresses the addresses of a file, a batch at a time, in memory that does not grow with it.
 * @param report filled as lines are done: when this throws, it tells how far it came. Doing the file again is harmless.
 * @throws DatabaseUnavailableError, and whatever reading the lines throws.
 */
export async function importLines(
  lines: AsyncIterable<FileLine>,
  { db, isPreview, inTime }: ImportOptions,
  report: ImportReport,
): Promise<void> {
  const store = isPreview ? countNewSuppressions : importSuppressions
  let batch: Extract<FileLine, { address: string }>[] = []
  const flush = async () => {
    const full = batch
    batch = []
    const added = full.length === 0 ? 0 : await inTime(() => store(db, full))
    report.added += added
    report.known += full.length - added
  }
  for await (const line of lines) {
    if ('mistake' in line) {
      report.invalid += line.lines ?? 1
      if (report.mistakes.length < mistakeLimit) report.mistakes.push({ line: line.line, message: line.mistake })
    } else if (batch.push(line) === batchSize) await flush()
  }
  await flush()
}

export const emptyReport = (): ImportReport => ({ added: 0, known: 0, invalid: 0, mistakes: [] })
