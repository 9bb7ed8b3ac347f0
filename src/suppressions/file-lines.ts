/** Reads files of addresses to suppress line by line: CSV as spreadsheets and providers write it, or JSON lines. */
import { Readable } from 'node:stream'
import { type CsvError, parse } from 'csv-parse'
import { createRecordReader } from './csv-columns.ts'
import { csvOptions, detectDelimiter } from './csv-delimiter.ts'
import { addressNames, type FileEntry, plainName, readEntry, reasonIn, reasonNames } from './file-entries.ts'

export type FileFormat = 'csv' | 'json-lines'

/** What a line says; `lines` counts further lines that are lost with it. */
export type FileLine = FileEntry & { readonly line: number; readonly lines?: number }

/** More than any line with an address, a reason and further columns needs. */
const longestLine = 20_000

/**
 * The lines of a file, read as a stream. The columns of CSV are found by its header; a file without one has a single column with
 * addresses, and the reason after it. Unknown reasons become `manual`.
 */
export function readLines(source: AsyncIterable<Buffer>, format: FileFormat): AsyncIterable<FileLine> {
  return format === 'csv' ? csvLines(source) : jsonLines(source)
}

async function* csvLines(source: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  const { delimiter, bytes: given } = await detectDelimiter(source)
  const parser = parse({ ...csvOptions, delimiter, info: true, max_record_size: longestLine })
  const skipped: number[] = []
  parser.on('skip', (error: CsvError) => skipped.push(Number(error['lines'])))
  const bytes = Readable.from(given, { objectMode: false })
  bytes.on('error', (error) => parser.destroy(error))
  const read = createRecordReader()
  let lastLine = 0
  try {
    for await (const { record, info } of bytes.pipe(parser) as AsyncIterable<CsvRecord>) {
      yield* lostBetween(lastLine, info.lines, skipped)
      lastLine = info.lines
      const entry = read(record)
      if (entry) yield { line: info.lines, ...entry }
    }
    yield* lostBetween(lastLine, parser.info.lines + 1, skipped)
  } finally {
    bytes.destroy()
  }
}

/** Lines that the parser skipped, as one mistake: an unclosed quote includes the lines after it. */
function lostBetween(lastLine: number, line: number, skipped: number[]): FileLine[] {
  const count = skipped.findLastIndex((at) => at < line) + 1
  if (count === 0) return []
  skipped.splice(0, count)
  const lines = Math.max(1, line - 1 - lastLine)
  const mistake = lines > 1 ? `is not valid CSV up to line ${line - 1}: close all quotes` : 'is not valid CSV'
  return [{ line: lastLine + 1, lines, mistake }]
}

interface CsvRecord {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
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
    return { line, mistake: 'is not valid JSON' }
  }
  if (typeof value === 'string') return { line, ...readEntry(value, 'manual') }
  const fields = new Map(Object.entries(value ?? {}).map(([name, field]) => [plainName(name), field]))
  const fieldOf = (names: readonly string[]): unknown =>
    names.map((name) => fields.get(name)).find((found) => found != null)
  return { line, ...readEntry(fieldOf(addressNames), reasonIn(fieldOf(reasonNames), 'manual')) }
}

/** A line that is too long is cut off, and so is not valid JSON. */
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
