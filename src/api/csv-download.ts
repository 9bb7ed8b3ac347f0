/** Lists as CSV downloads, read page by page while the client reads. */
import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify/sync'
import type { Context } from 'koa'
import { withDatabaseDeadline } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { escapedCell } from '../suppressions/formula-cells.ts'

/** Files get a longer deadline, so that a database that is slow for a moment does not abort them. */
export const inFileTime = <T>(work: () => Promise<T>): Promise<T> => withDatabaseDeadline(10_000, work)

interface CsvDownload<Row> {
  readonly fileName: string
  readonly header: readonly string[]
  /** @param after the last row of the page before; null for the first. */
  readonly readPage: (after: Row | null) => Promise<Row[]>
  /** The cells of a row; null leaves it out. */
  readonly cellsOf: (row: Row) => readonly string[] | null
}

/** Answers with all rows. The first page is read before, so that an error can still be answered. Stops reading when the client disconnects. */
export async function answerWithCsv<Row>(ctx: Context, download: CsvDownload<Row>): Promise<void> {
  const first = await inTime(() => download.readPage(null))
  ctx.type = 'text/csv; charset=utf-8'
  ctx.set('Content-Disposition', `attachment; filename="${download.fileName}"`)
  ctx.body = Readable.from(csvOf(first, download))
}

async function* csvOf<Row>(
  first: readonly Row[],
  { header, readPage, cellsOf }: CsvDownload<Row>,
): AsyncGenerator<string> {
  yield stringify([header])
  for (let page = first; page.length > 0; ) {
    yield stringify(page.map(cellsOf).flatMap((cells) => (cells ? [cells.map(escapedCell)] : [])))
    const last = page.at(-1)
    page = last === undefined ? [] : await inFileTime(() => readPage(last))
  }
}
