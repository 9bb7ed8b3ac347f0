/** Silences logs in tests. */
import { IllegalStateError } from '@temporalio/common'
import { pino } from 'pino'
import { installTemporalRuntime } from '../src/temporal/worker.ts'

export const quietLog = pino({ level: 'silent' })

/** Silences the SDK's log. The runtime ends with its last connection, so it may be installed already. */
export function quietTemporalRuntime(): void {
  try {
    installTemporalRuntime(quietLog)
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error
  }
}
