/** Following what happens, as it happens. */
import { AftersendUnreachableError } from './errors.ts'
import { messagesOf, type StreamListener, type StreamMessage } from './event-stream.ts'
import { type ConnectionOptions, open, pause, problemIn, retryAfterMs } from './request.ts'

export interface FollowOptions {
  readonly path: string
  /** Ends the stream: the iterator is done. */
  readonly signal: AbortSignal
  /** Before the next connection, where the server says nothing. Default 1 second; it doubles up to 15. */
  readonly firstPauseMs?: number
}

const longestPauseMs = 15_000

/**
 * The messages of a stream, connected again whenever it breaks, from where it broke.
 * @returns when `signal` is aborted, or with false when there is no such stream (404).
 * @throws AftersendProblemError for what another try would not mend.
 */
export async function* follow(options: ConnectionOptions, to: FollowOptions): AsyncGenerator<StreamMessage, boolean> {
  const { path, signal, firstPauseMs = 1_000 } = to
  let lastId: string | null = null
  let [pauseMs, failures] = [firstPauseMs, 0]
  const listener: StreamListener = {
    onPlace: (id) => {
      lastId = id
    },
    onRetry: (ms) => {
      pauseMs = ms
    },
  }
  while (!signal.aborted) {
    const opened = await connect(options, path, lastId, signal)
    if (opened === 'absent') return false
    if (opened !== 'broken' && opened.body) {
      failures = 0
      try {
        yield* messagesOf(opened.body, listener)
      } catch (error) {
        // The connection broke: it is made again below.
        if (signal.aborted) return true
        if (!(error instanceof TypeError) && !isNetworkError(error)) throw error
      }
    }
    await pause(Math.min(longestPauseMs, pauseMs * 2 ** failures++), signal).catch(() => {})
  }
  return true
}

/** undici tells of a broken connection by errors with a code, not by a type that can be had. */
const isNetworkError = (error: unknown): boolean => error instanceof Error && 'code' in error

async function connect(
  options: ConnectionOptions,
  path: string,
  lastId: string | null,
  signal: AbortSignal,
): Promise<Response | 'absent' | 'broken'> {
  const headers = { accept: 'text/event-stream', ...(lastId !== null && { 'last-event-id': lastId }) }
  let response: Response
  try {
    response = await open(options, { path, headers, signal })
  } catch {
    return 'broken'
  }
  if (response.status === 404) {
    await response.body?.cancel()
    return 'absent'
  }
  if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream')) return response
  const isPassing = retryAfterMs(response) !== null || response.status >= 500
  const error = response.ok ? new AftersendUnreachableError('the answer is no event stream') : await problemIn(response)
  if (isPassing) return 'broken'
  throw error
}
