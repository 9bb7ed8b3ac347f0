/** The metrics of Temporal's SDK. Its native core exposes them over HTTP only, so they are fetched from there for our /metrics. */

/** A busy core must not delay the other metrics. */
const deadlineMs = 1_000

/**
 * @param port null in a process without a worker: the result is empty.
 * @throws if the core does not answer in time.
 */
export async function readTemporalMetrics(port: number | null): Promise<string> {
  if (port === null) return ''
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(deadlineMs) })
  return response.text()
}
