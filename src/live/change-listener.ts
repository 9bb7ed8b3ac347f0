/** The one connection of an instance on which it hears that emails changed. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from 'pino'
import { changeChannel } from '../db/changes.ts'

export interface ChangeListener {
  close(): Promise<void>
}

export interface ChangeListenerOptions {
  readonly databaseUrl: string
  readonly log: Pick<Logger, 'warn'>
  /** Called for every ring, and whenever the connection is there again, since rings were missed meanwhile. */
  readonly onRing: () => void
  /** Time between attempts to connect. Default 1 second. */
  readonly retryEveryMs?: number
}

/** Listens until it is closed, on a new connection whenever one breaks. */
export function listenForChanges({ retryEveryMs = 1_000, ...options }: ChangeListenerOptions): ChangeListener {
  const stopping = new AbortController()
  let current: pg.Client | null = null
  let isToldOfLoss = false

  const listenOnce = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: options.databaseUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'aftersend listener',
    })
    const broken = new Promise<void>((resolve) => {
      client.on('error', () => resolve())
      client.on('end', () => resolve())
    })
    client.on('notification', options.onRing)
    try {
      await client.connect()
      await client.query(`LISTEN ${changeChannel}`)
      current = client
      isToldOfLoss = false
      options.onRing()
      if (!stopping.signal.aborted) await broken
    } finally {
      current = null
      await client.end().catch(() => {})
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await listenOnce().catch(() => {})
      if (stopping.signal.aborted) return
      // Once for each loss, not for each attempt.
      if (!isToldOfLoss) options.log.warn('the connection that hears of changes is lost; they are looked for meanwhile')
      isToldOfLoss = true
      await sleep(retryEveryMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const ended = run()
  return {
    async close() {
      stopping.abort()
      await current?.end().catch(() => {})
      await ended
    },
  }
}
