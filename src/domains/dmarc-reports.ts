/** DMARC aggregate reports, read from the files in which receivers send them: XML, alone or compressed by gzip or zip. */
import type { DmarcRecord, DmarcReport } from '../domain/dmarc-report.ts'
import type { MailAttachment } from '../domain/mail-attachment.ts'
import { type ByteStream, defaultLimits, documentsIn, type ReportLimits } from './report-files.ts'
import { recordOf, reportHeadOf } from './report-schema.ts'
import { readReportXml } from './report-xml.ts'

/**
 * The DMARC aggregate reports in the attachments of a mail, or in files. What is something else is skipped: a picture, or XML with another
 * root element. Asynchronous, since a large report is read in turns with other work.
 * @throws UnreadableReportError for a file that may be a report and cannot be read. No report of the others is lost by reading one
 * attachment at a time.
 */
export async function dmarcReportsIn(
  attachments: readonly MailAttachment[],
  limits: Partial<ReportLimits> = {},
): Promise<DmarcReport[]> {
  const all = { ...defaultLimits, ...limits }
  const reports: DmarcReport[] = []
  for (const attachment of attachments) {
    for await (const document of documentsIn(attachment, all)) {
      const report = await readReport(document, all)
      if (report !== null) reports.push(report)
    }
  }
  return reports
}

async function readReport(document: ByteStream, limits: ReportLimits): Promise<DmarcReport | null> {
  const records: DmarcRecord[] = []
  const feedback = await readReportXml(document, limits, (record) => records.push(recordOf(record, records.length + 1)))
  return feedback === null ? null : { ...reportHeadOf(feedback), records }
}
