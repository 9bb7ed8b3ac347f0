/** What Temporal's SDK counts. Its native core offers it over HTTP alone, so it is fetched from there for our own /metrics. */

/** A core that is busy must not hold up the other figures. */
const deadlineMs = 1_000

/**
 * @param port null where no worker runs: then there is nothing.
 * @throws when the core does not answer in time.
 */
export async function readTemporalMetrics(port: number | null): Promise<string> {
  if (port === null) return ''
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(deadlineMs) })
  return response.text()
}
