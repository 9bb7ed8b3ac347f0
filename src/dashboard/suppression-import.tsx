/** Bringing a CSV file into the suppression list: looked at first if wanted, and told as it goes. */
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { koaBody } from 'koa-body'
import type { ComponentChildren, VNode } from 'preact'
import { inTime } from '../api/deadlines.ts'
import { Problem } from '../api/problem.ts'
import { answerWithList } from '../api/suppression-files.ts'
import type { Database } from '../db/database.ts'
import { readLines } from '../suppressions/file-lines.ts'
import { emptyReport, type ImportReport, importLines } from '../suppressions/import.ts'
import { PageHead } from './layout.tsx'
import { type Pages, Pieces } from './pages.tsx'
import { count, counted } from './words.ts'

interface SuppressionImportDependencies {
  readonly db: Database
  readonly pages: Pages
}

/** A file is held in memory while it is read; the API and the command line stream larger ones. */
const fileLimitBytes = 10 * 1_048_576
const toldEveryMs = 200

export function addSuppressionFilePages(router: Router, { db, pages }: SuppressionImportDependencies): void {
  const title = 'Import suppressions'
  const page = (result: ComponentChildren) => ({
    title,
    section: '/suppressions' as const,
    body: <ImportPage>{result}</ImportPage>,
  })

  router.get('/suppressions/export', (ctx) => answerWithList(ctx, db))

  router.get('/suppressions/import', (ctx) => pages.show(ctx, page(null)))

  const take = async (ctx: Context, isPreview: boolean) => {
    const file = await readUpload(ctx)
    await pages.showInPieces(ctx, page(<Pieces />), importing(db, file, isPreview))
  }
  router.post('/suppressions/import/preview', (ctx) => take(ctx, true))
  router.post('/suppressions/import', (ctx) => take(ctx, false))
}

/** The file of an upload form. @throws Problem 413 over the limit, 415 for another form, 400 without a file. */
async function readUpload(ctx: Context): Promise<Buffer> {
  if (!ctx.is('multipart')) throw new Problem(415, 'send a file, as multipart/form-data')
  const chunks: Buffer[] = []
  const keep = () =>
    new Writable({
      write(chunk: Buffer, _, done) {
        chunks.push(chunk)
        done()
      },
    })
  const parse = koaBody({
    multipart: true,
    urlencoded: false,
    json: false,
    text: false,
    // In memory, not in a temporary folder: addresses are nobody else's business.
    formidable: { maxFiles: 1, maxFileSize: fileLimitBytes, fileWriteStreamHandler: keep } as never,
    onError: (error) => {
      throw uploadProblem(error)
    },
  })
  await parse(ctx, async () => {})
  if (chunks.length === 0) throw new Problem(400, 'choose a file that is not empty')
  return Buffer.concat(chunks)
}

function uploadProblem(error: Error): Problem {
  const { httpCode } = error as { httpCode?: number }
  if (httpCode !== 413) return new Problem(400, 'choose one file that is not empty')
  return new Problem(413, 'the file is larger than 10 MiB: import it with POST /v1/suppressions/import', {
    headers: { Connection: 'close' },
  })
}

/** The import's progress, and at the end what became of the file. */
async function* importing(db: Database, file: Buffer, isPreview: boolean): AsyncGenerator<VNode> {
  const report = emptyReport()
  const reading = { bytes: 0 }
  let isDone = false
  let failed = false
  const work = importLines(readLines(piecesOf(file, reading), 'csv'), { db, isPreview, inTime }, report)
    .catch(() => {
      failed = true
    })
    .finally(() => {
      isDone = true
    })
  while (!isDone) {
    yield <Progress done={reading.bytes} of={file.length} report={report} />
    await Promise.race([work, sleep(toldEveryMs)])
  }
  yield failed ? <Failure report={report} /> : <Result report={report} isPreview={isPreview} />
}

/** As a stream would give it, so that what is read of it is known. */
async function* piecesOf(file: Buffer, reading: { bytes: number }): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += 65_536) {
    const piece = file.subarray(at, at + 65_536)
    reading.bytes += piece.length
    yield piece
  }
}

/** Each takes the place of the one before it: the stylesheet shows the last. */
const Progress = ({ done, of, report }: { done: number; of: number; report: ImportReport }) => (
  <p class="piece">
    <progress value={done} max={of} aria-label="How much of the file is read" />
    {counted(report.added + report.known + report.invalid, 'line')} so far
  </p>
)

const Failure = ({ report }: { report: ImportReport }) => (
  <p class="piece mistake" role="alert">
    PostgreSQL did not answer, after {counted(report.added, 'address', 'addresses')}. Import the whole file again: what
    is on the list already stays as it is.
  </p>
)

const Result = ({ report, isPreview }: { report: ImportReport; isPreview: boolean }) => (
  <section class="piece card" aria-labelledby="result" id="report">
    <h2 id="result">{isPreview ? 'What this file would do' : 'Imported'}</h2>
    <dl class="facts">
      <div>
        <dt>{isPreview ? 'To be added' : 'Added'}</dt>
        <dd>{count(report.added)}</dd>
      </div>
      <div>
        <dt>On the list already</dt>
        <dd>{count(report.known)}</dd>
      </div>
      <div>
        <dt>Without an address</dt>
        <dd>{count(report.invalid)}</dd>
      </div>
    </dl>
    {report.mistakes.length > 0 && (
      <details open={report.mistakes.length <= 10}>
        <summary>{report.invalid > report.mistakes.length ? 'The first lines left out' : 'Lines left out'}</summary>
        <ul class="lines">
          {report.mistakes.map(({ line, message }) => (
            <li key={line}>
              Line {count(line)} {message}
            </li>
          ))}
        </ul>
      </details>
    )}
    {isPreview ? (
      <p>Nothing was changed yet. Import takes the file that is chosen above.</p>
    ) : (
      <p>
        <a href="/suppressions">See the list</a>
      </p>
    )}
  </section>
)

const ImportPage = ({ children }: { children: ComponentChildren }) => (
  <>
    <p class="crumb">
      <a href="/suppressions">Suppressions</a>
    </p>
    <PageHead title="Import suppressions" />
    <form class="card upload" method="post" action="/suppressions/import" encType="multipart/form-data">
      <label>
        CSV file
        <input type="file" name="file" accept=".csv,text/csv,text/plain" required aria-describedby="file-hint" />
        <span class="hint" id="file-hint">
          With a column <code>address</code> or <code>email</code>, and <code>reason</code> if there is one. Up to 10
          MiB. Addresses that are on the list stay as they are.
        </span>
      </label>
      <div class="actions">
        <button
          type="submit"
          formAction="/suppressions/import/preview"
          hx-post="/suppressions/import/preview"
          hx-target="#outcome"
          hx-select="#outcome"
          hx-swap="outerHTML"
        >
          Preview
        </button>
        <button type="submit" class="primary">
          Import
        </button>
      </div>
    </form>
    <div id="outcome" class="pieces" aria-live="polite">
      {children}
    </div>
  </>
)
