/** Files of suppressed addresses, read line by line: CSV as spreadsheets and providers write it, or JSON lines. */
import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { normalizeAddress } from '../domain/address.ts'
import { type SuppressionReason, suppressionReasons } from '../domain/suppression.ts'
import { unescapedCell } from './formula-cells.ts'

export type FileForm = 'csv' | 'json-lines'

/** What a line holds: an address to suppress, or why it cannot be taken, with as many `lines` as were lost with it. */
export type FileLine =
  | { readonly line: number; readonly address: string; readonly reason: SuppressionReason }
  | { readonly line: number; readonly mistake: string; readonly lines?: number }

/** Longer than any line that holds an address, a reason and some more columns. */
const longestLine = 20_000

/**
 * The lines of a file, as it comes. In CSV the columns are found by their names in the first line (`address` or `email`,
 * and `reason`); without such a line the first two are taken. A reason that is none of ours is `manual`.
 */
export function readLines(source: AsyncIterable<Buffer>, form: FileForm): AsyncIterable<FileLine> {
  return form === 'csv' ? csvLines(source) : jsonLines(source)
}

async function* csvLines(source: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  const parser = parse({
    bom: true,
    delimiter: [',', ';', '\t'],
    info: true,
    max_record_size: longestLine,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
  })
  const faults: number[] = []
  parser.on('skip', (error: CsvError) => faults.push(Number(error['lines'])))
  const bytes = Readable.from(source, { objectMode: false })
  bytes.on('error', (error) => parser.destroy(error))
  let columns: Columns | undefined
  let lastLine = 0
  try {
    for await (const { record, info } of bytes.pipe(parser) as AsyncIterable<CsvRecord>) {
      yield* lostBetween(lastLine, info.lines, faults)
      lastLine = info.lines
      if (!columns) {
        const named: Columns | null = columnsIn(record)
        columns = named ?? { address: 0, reason: 1 }
        if (named) continue
      }
      const cell = (index: number) => unescapedCell(record[index]?.trim() ?? '')
      yield lineOf(info.lines, cell(columns.address), cell(columns.reason))
    }
    yield* lostBetween(lastLine, parser.info.lines + 1, faults)
  } finally {
    bytes.destroy()
  }
}

/** A quote that is not closed takes lines along, each of which may have faults of its own: they are told as one. */
function lostBetween(lastLine: number, line: number, faults: number[]): FileLine[] {
  const count = faults.findLastIndex((fault) => fault < line) + 1
  if (count === 0) return []
  faults.splice(0, count)
  const lines = Math.max(1, line - 1 - lastLine)
  const mistake = lines > 1 ? `is no CSV, up to line ${line - 1}: is a quote not closed?` : 'is no line of CSV'
  return [{ line: lastLine + 1, lines, mistake }]
}

interface CsvRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

interface Columns {
  readonly address: number
  /** -1 for none. */
  readonly reason: number
}

/** Where the columns are, if this line names them. */
function columnsIn(record: readonly string[]): Columns | null {
  const names = record.map((name) => name.toLowerCase().replace(/[^a-z]/g, ''))
  const address = names.findIndex((name) => /^(address|email|emailaddress|recipient)$/.test(name))
  return address < 0 ? null : { address, reason: names.indexOf('reason') }
}

async function* jsonLines(source: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  let line = 0
  for await (const text of textLines(source)) {
    line += 1
    if (text.trim() === '') continue
    yield jsonLine(line, text)
  }
}

function jsonLine(line: number, text: string): FileLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { line, mistake: 'is no JSON' }
  }
  if (typeof value === 'string') return lineOf(line, value, undefined)
  const { address, email, reason } = (value ?? {}) as Readonly<Record<string, unknown>>
  return lineOf(line, address ?? email, reason)
}

/** What is longer than a line may be is given back cut off, and so is no JSON. */
async function* textLines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = (lines.pop() ?? '').slice(0, longestLine)
    yield* lines
  }
  yield rest + decoder.decode()
}

/** Control characters, halves of surrogate pairs, and U+FFFD, which stands where something was not UTF-8. */
const broken = /[\p{Cc}\p{Cs}\ufffd]/u

const known: ReadonlySet<unknown> = new Set(suppressionReasons)

function lineOf(line: number, written: unknown, reason: unknown): FileLine {
  const address = typeof written === 'string' && !broken.test(written) ? normalizeAddress(written) : null
  if (address === null) return { line, mistake: 'holds no email address' }
  return { line, address, reason: known.has(reason) ? (reason as SuppressionReason) : 'manual' }
}
