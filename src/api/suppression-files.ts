/** Importing and exporting the suppression list as a file. */
import type { Context } from 'koa'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Suppression } from '../db/generated/client.ts'
import { listSuppressions } from '../db/suppressions.ts'
import { DatabaseUnavailableError } from '../errors.ts'
import { oneOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { exportCellsOf, exportHeader } from '../suppressions/export.ts'
import { type FileFormat, readLines } from '../suppressions/file-lines.ts'
import { emptyReport, importLines } from '../suppressions/import.ts'
import { answerWithCsv, inFileTime } from './csv-download.ts'
import { uploadedFile } from './uploaded-file.ts'

const fileLimitBytes = 50 * 1_048_576
const pageSize = 1_000

const csvTypes = ['text/csv']
const jsonLinesTypes = ['application/x-ndjson', 'application/jsonl', 'application/json-lines']

interface SuppressionFileDependencies {
  readonly db: Database
  /** The project whose list it is. */
  readonly suppressionList: string
}

export const suppressionFileRoutes = ({ db, suppressionList: list }: SuppressionFileDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/v1/suppressions/import',
      scope: 'suppress',
      tag: 'Suppressions',
      summary: 'Import suppressions from a file',
      description:
        'CSV with the columns `address` (or `email`) and `reason`, a list that SendGrid, Postmark, Mailgun, Amazon SES or Resend ' +
        'exported, or JSON lines of `{"address":…,"reason":…}`; at most 50 MiB. Unknown reasons become `manual`. Addresses that are already suppressed stay unchanged, so a file may be sent ' +
        'again. `dryRun=true` reports without changing anything.',
      query: z.object({ dryRun: oneOf(['true', 'false']).default('false') }),
      upload: [...csvTypes, ...jsonLinesTypes],
      answers: {
        200: {
          description: 'How many lines were added, known, skipped or invalid',
          schema: z.object({
            dryRun: z.boolean(),
            added: z.int(),
            known: z.int().describe('Already suppressed, also by an earlier line.'),
            skipped: z.int().describe('People who may be written to, in a list that holds others too.'),
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
        await importLines(
          readLines(uploadedFile(ctx, fileLimitBytes), formatIn(ctx)),
          { db, list, isPreview, inTime: inFileTime },
          report,
        )
      } catch (error) {
        throw error instanceof DatabaseUnavailableError ? interrupted(report.added) : error
      }
      ctx.body = { dryRun: isPreview, ...report }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/suppressions/export',
      tag: 'Suppressions',
      summary: 'Export the suppression list as CSV',
      description:
        "Active suppressions, newest first. Cells that a spreadsheet would run as a formula start with `'`, which the import " +
        'removes.',
      answers: { 200: { description: 'The file', mediaType: 'text/csv', schema: z.string() } },
    },
    (ctx) => answerWithList(ctx, db, list),
  ),
]

/** Answers with the active suppressions as a CSV download. */
export const answerWithList = (ctx: Context, db: Database, list: string): Promise<void> =>
  answerWithCsv<Suppression>(ctx, {
    fileName: 'suppressions.csv',
    header: exportHeader,
    readPage: (after) => listSuppressions(db, list, { includeRemoved: false }, after && positionOf(after), pageSize),
    cellsOf: exportCellsOf,
  })

const positionOf = ({ createdAt, id }: Suppression) => ({ createdAt: createdAt.toISOString(), id: String(id) })

function formatIn(ctx: Context): FileFormat {
  if (ctx.is(csvTypes)) return 'csv'
  if (ctx.is(jsonLinesTypes)) return 'json-lines'
  throw new Problem(415, `Content-Type must be one of: ${[...csvTypes, ...jsonLinesTypes].join(', ')}`)
}

const interrupted = (added: number): Problem =>
  new Problem(503, `PostgreSQL stopped answering after ${added} addresses were added: send the whole file again`, {
    headers: { 'Retry-After': '5' },
  })
