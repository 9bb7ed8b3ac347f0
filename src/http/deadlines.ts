/** Time limits for each step of a request. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** All in milliseconds. Node's defaults (60 s for headers, 300 s for a request, checked every 30 s) help slow-request attacks. */
export interface Deadlines {
  /** From the connection, or the end of the last request on it, to the end of a request's headers. */
  readonly headersMs: number
  /**
   * From the start of a request's headers to the end of a body that is parsed as a whole. The body has at least what
   * the slowest headers leave.
   */
  readonly requestMs: number
  /** From a request's first byte to its last, when the body is a file. */
  readonly uploadMs: number
  /** How often these limits are checked. */
  readonly checkEveryMs: number
  /** How long an idle connection stays open: longer than with most load balancers, so that they close it first. */
  readonly keepAliveMs: number
}

/** A second under the documented 10 and 15, since the check interval and closing hundreds of connections take time. */
export const defaultDeadlines: Deadlines = {
  headersMs: 9_000,
  requestMs: 14_000,
  uploadMs: 600_000,
  checkEveryMs: 500,
  keepAliveMs: 65_000,
}

/** When a connection opened, or last had a body to read. On the socket, since a WeakMap costs microseconds per request. */
const idleSince = Symbol('idle since')

interface TimedSocket extends Socket {
  [idleSince]?: number
}

/** Starts the clock of a connection's first request. */
export function startConnectionClock(socket: TimedSocket): void {
  socket[idleSince] = performance.now()
}

/**
 * How long a request's body may take, in milliseconds: the request's time less that of its headers. Node does not report
 * when the headers started; it is not before the connection was idle, and no longer ago than the header deadline.
 */
export function bodyTimeMs(request: IncomingMessage, { headersMs, requestMs }: BodyDeadlines): number {
  const socket: TimedSocket = request.socket
  const now = performance.now()
  const headersTookAtMost = Math.min(now - (socket[idleSince] ?? now), headersMs)
  socket[idleSince] = now
  const bodyMs = requestMs - headersTookAtMost
  // Node groups timers by length: rounding keeps them in few groups.
  return Math.ceil(bodyMs / timerStepMs) * timerStepMs
}

const timerStepMs = 250

export type BodyDeadlines = Pick<Deadlines, 'headersMs' | 'requestMs'>
