/** Temporal refuses to start a workflow with a longer summary. Counted in bytes of JSON, as sent. */
export const maxSummaryBytes = 200

/** The text beside a workflow's ID in the Web UI: the given parts, cut to Temporal's limit. */
export function staticSummaryOf(...parts: (string | null)[]): string {
  let summary = ''
  let bytes = Buffer.byteLength('""')
  // Cut between characters, not within one.
  for (const character of parts.filter((part) => part !== null).join(' · ')) {
    bytes += Buffer.byteLength(JSON.stringify(character)) - Buffer.byteLength('""')
    if (bytes > maxSummaryBytes) break
    summary += character
  }
  return summary
}
