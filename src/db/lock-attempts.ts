/** Statements that need a strong lock for a moment. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sqlStateOf } from './database.ts'

const lockNotAvailable = '55P03'
const pauseMs = 200

/**
 * Runs a statement with a short `lock_timeout` until it gets its lock: while it waits for one, all later statements wait behind it.
 * @throws what the statement throws, and its timeout after `maxAttempts`: a thousand are about eight minutes.
 */
export async function untilLocked<T>(run: () => Promise<T>, maxAttempts = 1_000): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (sqlStateOf(error) !== lockNotAvailable || attempt >= maxAttempts) throw error
      await sleep(pauseMs)
    }
  }
}
