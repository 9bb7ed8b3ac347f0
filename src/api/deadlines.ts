/** How long each step of a request may take. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { withDatabaseDeadline } from '../db/database.ts'

/** All in milliseconds. Node's own defaults (60 s for headers, 300 s for a request, checked every 30 s) invite slow senders. */
export interface Deadlines {
  /** From the connection, or the end of the last request on it, to the end of a request's headers. */
  readonly headersMs: number
  /**
   * From the begin of a request's headers to the end of its body, where that is parsed as a whole. The body has at least what is
   * left after the longest of headers.
   */
  readonly requestMs: number
  /** From a request's first byte to its last, where the body is a file. */
  readonly uploadMs: number
  /** How often those two are looked at. */
  readonly checkEveryMs: number
  /** How long an idle connection is kept: longer than most load balancers keep theirs, so that they close first. */
  readonly keepAliveMs: number
}

/** A second under the 10 and 15 that are promised: to look costs time, and so does closing hundreds at once. */
export const defaultDeadlines: Deadlines = {
  headersMs: 9_000,
  requestMs: 14_000,
  uploadMs: 600_000,
  checkEveryMs: 500,
  keepAliveMs: 65_000,
}

/** When a connection was made, or last had a body to read. On the socket: a WeakMap would cost each request some microseconds. */
const quietSince = Symbol('quiet since')

interface NotedSocket extends Socket {
  [quietSince]?: number
}

/** Lets the time of a connection's first request begin. */
export function noteConnection(socket: NotedSocket): void {
  socket[quietSince] = performance.now()
}

/**
 * How long a request's body may take, in milliseconds: what its headers have left of the request's time. Nobody tells when
 * those began, but no earlier than the connection was quiet, nor longer ago than the server waits for headers.
 */
export function bodyTimeMs(request: IncomingMessage, { headersMs, requestMs }: BodyDeadlines): number {
  const socket: NotedSocket = request.socket
  const now = performance.now()
  const headersTookAtMost = Math.min(now - (socket[quietSince] ?? now), headersMs)
  socket[quietSince] = now
  const bodyMs = requestMs - headersTookAtMost
  // Node keeps timers of one length together: lengths that all differ would make each cost more.
  return Math.ceil(bodyMs / timerStepMs) * timerStepMs
}

const timerStepMs = 250

export type BodyDeadlines = Pick<Deadlines, 'headersMs' | 'requestMs'>

/** Every request that needs PostgreSQL has its answer, or a 503, within 2 seconds. */
const databaseDeadlineMs = 1_800

/**
 * Runs a request's statements within the deadline.
 * @throws DatabaseUnavailableError when PostgreSQL is away or too slow.
 */
export const inTime = <T>(work: () => Promise<T>): Promise<T> => withDatabaseDeadline(databaseDeadlineMs, work)
