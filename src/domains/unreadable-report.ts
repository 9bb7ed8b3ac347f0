/** What is wrong with a file that should be a DMARC aggregate report. The message names a place in the file and no content of it. */
export class UnreadableReportError extends Error {
  override name = 'UnreadableReportError'
}
