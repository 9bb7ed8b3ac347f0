import type { Database } from '../db/database.ts'
import { countNewSuppressions, importSuppressions } from '../db/suppressions.ts'
import type { FileLine } from './file-lines.ts'

/** The result of an import, by lines. */
export interface ImportReport {
  /** Addresses newly suppressed; in a preview, those that would be. */
  added: number
  /** Addresses already suppressed, also by an earlier line. */
  known: number
  /** Lines of people who may be written to, in a list that holds others too. */
  skipped: number
  invalid: number
  /** The first {@link mistakeLimit} invalid lines, without their content. */
  mistakes: { line: number; message: string }[]
}

const mistakeLimit = 100
const batchSize = 1_000

export interface ImportOptions {
  readonly db: Database
  /** The project to whose list they are added. */
  readonly list: string
  /** Changes nothing. Counts repeats of an address more than 1,000 lines apart as added each time. */
  readonly isPreview: boolean
  /** Limits the time of one statement. */
  readonly inTime: <T>(work: () => Promise<T>) => Promise<T>
}

/**
 * Suppresses the addresses of a file in batches, in constant memory.
 * @param report updated after each batch, also if this throws later. Importing a file again is harmless.
 * @throws DatabaseUnavailableError, and errors of reading the lines.
 */
export async function importLines(
  lines: AsyncIterable<FileLine>,
  { db, list, isPreview, inTime }: ImportOptions,
  report: ImportReport,
): Promise<void> {
  const store = isPreview ? countNewSuppressions : importSuppressions
  let batch: Extract<FileLine, { address: string }>[] = []
  const flush = async () => {
    const full = batch
    batch = []
    const added = full.length === 0 ? 0 : await inTime(() => store(db, list, full))
    report.added += added
    report.known += full.length - added
  }
  for await (const line of lines) {
    if ('skipped' in line) report.skipped += 1
    else if ('mistake' in line) {
      report.invalid += line.lines ?? 1
      if (report.mistakes.length < mistakeLimit) report.mistakes.push({ line: line.line, message: line.mistake })
    } else if (batch.push(line) === batchSize) await flush()
  }
  await flush()
}

export const emptyReport = (): ImportReport => ({ added: 0, known: 0, skipped: 0, invalid: 0, mistakes: [] })
