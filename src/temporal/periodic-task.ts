import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { createTemporalClient, type TemporalTarget } from './connection.ts'

export interface PeriodicTaskOptions {
  /** For the log. */
  readonly name: string
  /** The pause after a success. */
  readonly everyMs: number
  /** The pause after a failure; it doubles up to {@link maxPauseMs}. Default 1 second. */
  readonly retryMs?: number
  readonly log: Pick<Logger, 'info' | 'warn'>
}

const maxPauseMs = 10_000

/** A call that takes longer fails. */
const deadlineMs = 10_000

/**
 * Runs a task on Temporal at once and then periodically, until it is closed: for what must exist even if Temporal starts late or
 * loses its data. A failure is logged when its reason changes, not at each attempt.
 */
export function runPeriodically(
  target: TemporalTarget,
  { name, everyMs, retryMs = 1_000, log }: PeriodicTaskOptions,
  task: (client: Client) => Promise<void>,
): { close(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const client = createTemporalClient(target)
  const attempt = (): Promise<string | null> => {
    // The client adds a listener for every call and removes none: they go with the attempt's own signal.
    const attemptSignal = AbortSignal.any([signal])
    setMaxListeners(0, attemptSignal)
    return client
      .withAbortSignal(attemptSignal, () => client.withDeadline(Date.now() + deadlineMs, () => task(client)))
      .then(
        () => null,
        (error) => (error instanceof Error ? error.message : String(error)),
      )
  }
  const run = async (): Promise<void> => {
    let logged: string | null = null
    let pauseMs = retryMs
    while (!signal.aborted) {
      const failure = await attempt()
      if (signal.aborted) return
      if (failure !== null && failure !== logged) log.warn({ reason: failure }, `${name}: failed, will retry`)
      else if (failure === null && logged !== null) log.info(`${name}: succeeded`)
      logged = failure
      await sleep(failure === null ? everyMs : pauseMs, undefined, { signal }).catch(() => {})
      pauseMs = failure === null ? retryMs : Math.min(2 * pauseMs, maxPauseMs)
    }
  }
  const ended = run()
  return {
    async close() {
      stopping.abort()
      await ended
      await client.connection.close()
    },
  }
}
