/** Files of DMARC reports as people send them: to the API, and on the page of domains. */
import type { Database } from '../db/database.ts'
import { storeDmarcReports } from '../db/dmarc-reports.ts'
import type { DmarcReport } from '../domain/dmarc-report.ts'
import type { MailAttachment } from '../domain/mail-attachment.ts'
import { defaultProject } from '../domain/project.ts'
import { dmarcReportsIn } from '../domains/dmarc-reports.ts'
import { UnreadableReportError } from '../domains/unreadable-report.ts'
import { Problem } from '../http/problem.ts'
import { inFileTime } from './csv-download.ts'

/** What receivers send is at most 10 MB: the size that most mail servers accept. */
export const reportFileLimitBytes = 10 * 1_048_576

interface ReportImport {
  readonly stored: number
  /** Stored before. */
  readonly repeated: number
  readonly reports: readonly DmarcReport[]
}

/**
 * Stores the reports of a file.
 * @param project null: the default one.
 * @throws Problem 400 for a file that has none or cannot be read. DatabaseUnavailableError.
 */
export async function importReports(db: Database, project: string | null, file: MailAttachment): Promise<ReportImport> {
  const reports = await dmarcReportsIn([file]).catch((error) => {
    throw error instanceof UnreadableReportError ? new Problem(400, error.message) : error
  })
  if (reports.length === 0) {
    throw new Problem(400, 'the file has no DMARC aggregate report: send XML, alone or compressed by gzip or zip')
  }
  return { ...(await inFileTime(() => storeDmarcReports(db, project ?? defaultProject, reports))), reports }
}

/** What the audit log says of an import. */
export const importedDomains = (reports: readonly DmarcReport[]): string =>
  [...new Set(reports.map(({ domain }) => domain))].join(', ').slice(0, 200)
