/** An instance's one connection for notifications of changes. */
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
  /** Called for every notification, and after each (re)connect, since notifications may have been missed. */
  readonly onNotification: () => void
  /** Time between attempts to connect. Default 1 second. */
  readonly retryEveryMs?: number
}

/** Listens until closed, and reconnects when the connection breaks. */
export function listenForChanges({ retryEveryMs = 1_000, ...options }: ChangeListenerOptions): ChangeListener {
  const stopping = new AbortController()
  let current: pg.Client | null = null
  let isLossLogged = false

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
    client.on('notification', options.onNotification)
    try {
      await client.connect()
      await client.query(`LISTEN ${changeChannel}`)
      current = client
      isLossLogged = false
      options.onNotification()
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
      // Once per loss, not per attempt.
      if (!isLossLogged) options.log.warn('the connection for change notifications is lost; polling until it is back')
      isLossLogged = true
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
