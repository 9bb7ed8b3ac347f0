/** The form that imports files of DMARC reports, and what became of them. */
import type { DmarcReport } from '../../domain/dmarc-report.ts'
import { domainPath } from '../paths.ts'
import { Fact } from './fact.tsx'
import { count } from './labels.ts'

/** The outcome of an upload. */
export interface ImportedFiles {
  stored: number
  /** Stored before. */
  repeated: number
  readonly reports: DmarcReport[]
  /** By file. */
  readonly problems: { readonly name: string; readonly problem: string }[]
}

export const ReportUpload = () => (
  <section aria-labelledby="import">
    <h2 id="import">Import DMARC reports</h2>
    <form class="card upload" method="post" action="/domains/reports" encType="multipart/form-data">
      <label>
        Files
        <input type="file" name="file" accept=".xml,.gz,.zip" multiple required aria-describedby="reports-hint" />
        <span class="hint" id="reports-hint">
          As receivers send them: <code>.xml</code>, <code>.gz</code> or <code>.zip</code>. Up to 50 files and 10 MiB at
          once. Reports that are stored already are not counted again.
        </span>
      </label>
      <div class="actions">
        <button type="submit">Import</button>
      </div>
    </form>
  </section>
)

export const Imported = ({ of: { stored, repeated, reports, problems } }: { of: ImportedFiles }) => (
  <section class="card import-outcome" aria-labelledby="imported">
    <h2 id="imported">{reports.length > 0 ? 'Imported' : 'Nothing was imported'}</h2>
    <dl class="facts">
      <Fact name="Reports stored">{count(stored)}</Fact>
      <Fact name="Stored before">{count(repeated)}</Fact>
      {reports.length > 0 && (
        <Fact name="Domains">
          {[...new Set(reports.map(({ domain }) => domain))].map((domain) => (
            <a key={domain} class="block" href={domainPath(domain)}>
              <bdi>{domain}</bdi>
            </a>
          ))}
        </Fact>
      )}
    </dl>
    {problems.map(({ name, problem }) => (
      <p key={`${name} ${problem}`} class="error" role="alert">
        <bdi>{name}</bdi>: {problem}
      </p>
    ))}
  </section>
)
