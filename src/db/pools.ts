/**
 * The connection pools of a process, one per kind of use, so that slow statements of one kind do not delay another. PostgreSQL
 * cancels a statement after `statementTimeoutMs`, which frees the connection even if the client is gone. docs/scaling.md adds up
 * the sizes.
 */
import { rollUpTimeoutMs } from './analytics-rollups.ts'
import type { DatabaseOptions } from './database.ts'
import { requestDeadlineMs } from './request-deadline.ts'

export type PoolSettings = Required<Pick<DatabaseOptions, 'name' | 'poolSize' | 'statementTimeoutMs'>> &
  Pick<DatabaseOptions, 'answerTimeoutMs'>

/** For acknowledgements, registrations, sending and the relay. The timeout equals the deadline of a request. */
export const receiptPool: PoolSettings = { name: 'receipt', poolSize: 10, statementTimeoutMs: requestDeadlineMs }

/** For reads: pages, lists, analytics, streams, metrics; and occasional changes by users. */
export const readPool: PoolSettings = { name: 'reads', poolSize: 8, statementTimeoutMs: requestDeadlineMs }

/** For requests of people and programs that belong to one project: one pool for each project that has any. */
export const projectPool: PoolSettings = { name: 'project', poolSize: 4, statementTimeoutMs: requestDeadlineMs }

/** For workflows: saves, suppressions, escalations. An attempt has 10 seconds, enough for a retry after a timeout. */
export const applyPool: PoolSettings = { name: 'apply', poolSize: 12, statementTimeoutMs: 5_000 }

/** For scheduled jobs: searches, retention, alarms, and roll-ups, which set a longer timeout. */
export const schedulePool: PoolSettings = {
  name: 'schedules',
  poolSize: 4,
  statementTimeoutMs: 60_000,
  answerTimeoutMs: rollUpTimeoutMs + 1_000,
}

/** For webhooks to applications: what is due, and what became of it. */
export const endpointPool: PoolSettings = { name: 'endpoints', poolSize: 3, statementTimeoutMs: 5_000 }
