/** The page that imports a CSV file into the suppression list, with a preview and a progress bar; and the export. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from 'koa'
import type { ComponentChildren, VNode } from 'preact'
import { answerWithList } from '../api/suppression-files.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { Problem } from '../http/problem.ts'
import { readLines } from '../suppressions/file-lines.ts'
import { emptyReport, type ImportOptions, type ImportReport, importLines } from '../suppressions/import.ts'
import { Fact } from './components/fact.tsx'
import { count, counted } from './components/labels.ts'
import { PageHead } from './components/layout.tsx'
import { type PageRenderer, StreamedContent } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { readUploads } from './uploads.ts'

interface SuppressionImportDependencies {
  readonly db: Database
  readonly pages: PageRenderer
  /** The project to whose list they are added. */
  readonly suppressionList: string
}

/** The API and the command line stream larger files. */
const uploadLimits = {
  maxFiles: 1,
  maxBytes: 10 * 1_048_576,
  tooMuch: 'the file is larger than 10 MiB: import it with POST /v1/suppressions/import',
  missing: 'the file is missing or empty: choose a CSV file',
}

const progressEveryMs = 200

export function addSuppressionFilePages(
  router: PageRouter,
  { db, pages, suppressionList: list }: SuppressionImportDependencies,
): void {
  const title = 'Import suppressions'
  const page = (result: ComponentChildren) => ({
    title,
    section: '/suppressions' as const,
    body: <ImportPage>{result}</ImportPage>,
  })

  router.get('/suppressions/export', 'read', (ctx) => answerWithList(ctx, db, list))

  router.get('/suppressions/import', 'suppress', (ctx) => pages.show(ctx, page(null)))

  const importUpload = async (ctx: Context, isPreview: boolean) => {
    const [file] = await readUploads(ctx, uploadLimits)
    if (file === undefined) throw new Problem(400, uploadLimits.missing)
    await pages.showStreamed(
      ctx,
      page(<StreamedContent />),
      importProgress({ db, list, isPreview, inTime }, file.content),
    )
  }
  router.post('/suppressions/import/preview', 'suppress', (ctx) => importUpload(ctx, true))
  router.post('/suppressions/import', 'suppress', (ctx) => importUpload(ctx, false))
}

/** Yields the progress, and at the end the result. */
async function* importProgress(options: ImportOptions, file: Buffer): AsyncGenerator<VNode> {
  const report = emptyReport()
  const reading = { bytes: 0 }
  let isDone = false
  let failed = false
  const work = importLines(readLines(chunksOf(file, reading), 'csv'), options, report)
    .catch(() => {
      failed = true
    })
    .finally(() => {
      isDone = true
    })
  while (!isDone) {
    yield <Progress done={reading.bytes} of={file.length} report={report} />
    await Promise.race([work, sleep(progressEveryMs)])
  }
  yield failed ? <Failure report={report} /> : <Result report={report} isPreview={options.isPreview} />
}

/** In chunks, so that the progress of reading is known. */
async function* chunksOf(file: Buffer, reading: { bytes: number }): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += 65_536) {
    const chunk = file.subarray(at, at + 65_536)
    reading.bytes += chunk.length
    yield chunk
  }
}

/** Replaces the one before it: the stylesheet shows the last part only. */
const Progress = ({ done, of, report }: { done: number; of: number; report: ImportReport }) => (
  <p class="part">
    <progress value={done} max={of} aria-label="Import progress" />
    {counted(report.added + report.known + report.skipped + report.invalid, 'line')} so far
  </p>
)

const Failure = ({ report }: { report: ImportReport }) => (
  <p class="part error" role="alert">
    PostgreSQL did not answer after {counted(report.added, 'address', 'addresses')}. Import the file again; addresses
    that are on the list already do not change.
  </p>
)

const Result = ({ report, isPreview }: { report: ImportReport; isPreview: boolean }) => (
  <section class="part card" aria-labelledby="result" id="report">
    <h2 id="result">{isPreview ? 'Preview' : 'Imported'}</h2>
    <dl class="facts">
      <Fact name={isPreview ? 'To be added' : 'Added'}>{count(report.added)}</Fact>
      <Fact name="Already on the list">{count(report.known)}</Fact>
      {report.skipped > 0 && <Fact name="Neither bounced nor unsubscribed">{count(report.skipped)}</Fact>}
      <Fact name="Invalid lines">{count(report.invalid)}</Fact>
    </dl>
    {report.mistakes.length > 0 && (
      <details open={report.mistakes.length <= 10}>
        <summary>{report.invalid > report.mistakes.length ? 'The first invalid lines' : 'Invalid lines'}</summary>
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
      <p>Nothing was changed. To add these addresses, select Import.</p>
    ) : (
      <p>
        <a href="/suppressions">Show the list</a>
      </p>
    )}
  </section>
)

const ImportPage = ({ children }: { children: ComponentChildren }) => (
  <>
    <PageHead title="Import suppressions" parent="/suppressions" />
    <form class="card upload" method="post" action="/suppressions/import" encType="multipart/form-data">
      <label>
        CSV file
        <input type="file" name="file" accept=".csv,text/csv,text/plain" required aria-describedby="file-hint" />
        <span class="hint" id="file-hint">
          With a column <code>address</code> or <code>email</code>, and optionally <code>reason</code>, or a list that
          your provider exported. Up to 10 MiB. Addresses that are already on the list do not change.
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
    <div id="outcome" class="import-outcome" aria-live="polite">
      {children}
    </div>
  </>
)
