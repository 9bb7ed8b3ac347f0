/** Finds the delimiter of a CSV file: one for the whole file, since the others may stand in cells without quotes (RFC 4180). */
import { parse } from 'csv-parse/sync'
import { createRecordReader } from './csv-columns.ts'

const delimiters = [',', ';', '\t'] as const

/** How much of the file is tried. */
const sampleBytes = 65_536
const sampleRecords = 200

/** Options of the CSV parser that do not depend on the file. */
export const csvOptions = {
  bom: true,
  relax_column_count: true,
  skip_empty_lines: true,
  skip_records_with_error: true,
} as const

/** Reads the beginning of `source`. @returns the delimiter, and a source with the same bytes. */
export async function detectDelimiter(
  source: AsyncIterable<Buffer>,
): Promise<{ delimiter: string; bytes: AsyncIterable<Buffer> }> {
  const rest = source[Symbol.asyncIterator]()
  const head: Buffer[] = []
  for (let size = 0; size < sampleBytes; ) {
    const { value, done } = await rest.next()
    if (done) break
    head.push(value)
    size += value.length
  }
  const bytes = (async function* () {
    yield* head
    yield* { [Symbol.asyncIterator]: () => rest }
  })()
  return { delimiter: delimiterOf(Buffer.concat(head).subarray(0, sampleBytes)), bytes }
}

/** The one that a first line `sep=` names, else the one with which most records are understood. */
function delimiterOf(sample: Buffer): string {
  const named = /^\ufeff?sep=([,;\t|])\r?$/im.exec(sample.toString('utf8', 0, 20))
  if (named?.[1]) return named[1]
  const counts = delimiters.map((delimiter) => understoodRecords(sample, delimiter))
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ','
}

function understoodRecords(sample: Buffer, delimiter: string): number {
  const read = createRecordReader()
  let count = 0
  try {
    parse(sample, {
      ...csvOptions,
      delimiter,
      to: sampleRecords,
      on_record: (record: string[]) => {
        // A header that is understood counts too.
        const entry = read(record)
        if (entry === null || !('mistake' in entry)) count += 1
        return null
      },
    })
  } catch {
    // The sample ends within a quoted cell. What was read before it counts.
  }
  return count
}
