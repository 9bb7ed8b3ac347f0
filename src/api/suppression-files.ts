/** The suppression list brought in from a file, and taken out as one. */
import { Readable } from 'node:stream'
import type { Context } from 'koa'
import { z } from 'zod'
import { type Database, withDatabaseDeadline } from '../db/database.ts'
import { listSuppressions } from '../db/suppressions.ts'
import { DatabaseUnavailableError } from '../errors.ts'
import { csvOf, type ReadPage } from '../suppressions/export.ts'
import { type FileForm, readLines } from '../suppressions/file-lines.ts'
import { emptyReport, importLines } from '../suppressions/import.ts'
import { refuseEncoded } from './body.ts'
import { inTime } from './deadlines.ts'
import { Problem } from './problem.ts'
import { defineRoute, type Route } from './route.ts'

/** A file takes its time, so that a database which is slow for a moment does not cut it off. */
const patiently = <T>(work: () => Promise<T>): Promise<T> => withDatabaseDeadline(10_000, work)

const fileLimitBytes = 50 * 1_048_576
const pageSize = 1_000

const csvTypes = ['text/csv']
const jsonLinesTypes = ['application/x-ndjson', 'application/jsonl', 'application/json-lines']

/** The routes under `/v1/suppressions` that move files. */
export const suppressionFileRoutes = ({ db }: { readonly db: Database }): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions/import',
      tag: 'Suppressions',
      summary: 'Suppress the addresses of a file',
      description:
        'CSV with the columns `address` (or `email`) and `reason`, or JSON lines of `{"address":…,"reason":…}`; 50 MiB at ' +
        'most. A reason other than ours counts as `manual`. What is suppressed already stays as it is, so that a file may ' +
        'be sent again. `dryRun=true` looks and changes nothing.',
      query: z.object({ dryRun: z.enum(['true', 'false'], 'wants true or false').default('false') }),
      upload: [...csvTypes, ...jsonLinesTypes],
      answers: {
        200: {
          description: 'What became of its lines',
          schema: z.object({
            dryRun: z.boolean(),
            added: z.int(),
            known: z.int().describe('Suppressed already, or named by an earlier line.'),
            invalid: z.int(),
            mistakes: z
              .array(z.object({ line: z.int(), message: z.string() }))
              .describe('The first 100 of the invalid lines.'),
          }),
        },
      },
    },
    async (ctx, { query }) => {
      const isPreview = query.dryRun === 'true'
      const report = emptyReport()
      try {
        await importLines(readLines(fileIn(ctx), formOf(ctx)), { db, isPreview, inTime: patiently }, report)
      } catch (error) {
        throw error instanceof DatabaseUnavailableError ? brokenOff(report.added) : error
      }
      ctx.body = { dryRun: isPreview, ...report }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions/export',
      tag: 'Suppressions',
      summary: 'The suppression list as CSV',
      description:
        "Those that are suppressed now, newest first. A cell that a spreadsheet would take for a formula begins with `'`, " +
        'which the import takes away again.',
      answers: { 200: { description: 'The file', mediaType: 'text/csv', schema: z.string() } },
    },
    (ctx) => answerWithList(ctx, db),
  ),
]

/** Answers with those that are suppressed now, as a CSV file to keep; no longer than somebody reads it. */
export async function answerWithList(ctx: Context, db: Database): Promise<void> {
  const readPage: ReadPage = (after) => listSuppressions(db, { includeRemoved: false }, after, pageSize)
  const first = await inTime(() => readPage(null))
  ctx.type = 'text/csv; charset=utf-8'
  ctx.set('Content-Disposition', 'attachment; filename="suppressions.csv"')
  ctx.body = Readable.from(csvOf(first, (after) => patiently(() => readPage(after))))
}

function formOf(ctx: Context): FileForm {
  if (ctx.is(csvTypes)) return 'csv'
  if (ctx.is(jsonLinesTypes)) return 'json-lines'
  throw new Problem(415, `send ${[...csvTypes, ...jsonLinesTypes].join(' or ')}, as Content-Type says`)
}

/** @throws Problem 413 before reading if Content-Length is over the limit, while reading otherwise; 415 if encoded. */
function fileIn(ctx: Context): AsyncIterable<Buffer> {
  refuseEncoded(ctx)
  const tooLarge = () =>
    new Problem(413, 'the file is larger than 50 MiB: send it in parts', { headers: { Connection: 'close' } })
  if (Number(ctx.req.headers['content-length'] ?? 0) > fileLimitBytes) throw tooLarge()
  let bytes = 0
  return (async function* () {
    // Left open when it is refused, so that the sender gets its answer.
    for await (const chunk of ctx.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > fileLimitBytes) throw tooLarge()
      yield chunk
    }
  })()
}

const brokenOff = (added: number): Problem =>
  new Problem(503, `PostgreSQL does not answer now, after ${added} addresses; send the whole file again`, {
    headers: { 'Retry-After': '5' },
  })
