/** Follows an event stream over reconnects. */
import { AftersendUnreachableError } from './errors.ts'
import { messagesOf, type StreamListener, type StreamMessage } from './event-stream.ts'
import { type ConnectionOptions, open, pause, problemOf, retryAfterMs } from './request.ts'

export interface FollowOptions {
  readonly path: string
  /** Ends the iteration. */
  readonly signal: AbortSignal
  /** The delay before the first reconnect, unless the server sets one. Doubles up to 15 seconds. Default 1 second. */
  readonly firstPauseMs?: number
}

const longestPauseMs = 15_000

/**
 * Yields the messages of a stream. Reconnects when the connection breaks, and resumes after the last message.
 * @returns true when `signal` is aborted, false if there is no such stream (404).
 * @throws AftersendProblemError if a retry would not help.
 */
export async function* follow(options: ConnectionOptions, to: FollowOptions): AsyncGenerator<StreamMessage, boolean> {
  const { path, signal, firstPauseMs = 1_000 } = to
  let lastId: string | null = null
  let [pauseMs, failures] = [firstPauseMs, 0]
  const listener: StreamListener = {
    onLastEventId: (id) => {
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
        // The connection broke. The loop reconnects.
        if (signal.aborted) return true
        if (!(error instanceof TypeError) && !isNetworkError(error)) throw error
      }
    }
    await pause(Math.min(longestPauseMs, pauseMs * 2 ** failures++), signal).catch(() => {})
  }
  return true
}

/** undici's errors of broken connections have a code, and no exported class. */
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
  const isTemporary = retryAfterMs(response) !== null || response.status >= 500
  const error = response.ok
    ? new AftersendUnreachableError('the response is not an event stream: check the URL')
    : await problemOf(response)
  if (isTemporary) return 'broken'
  throw error
}
