/** What tests do not want to hear. */
import { IllegalStateError } from '@temporalio/common'
import { pino } from 'pino'
import { installTemporalRuntime } from '../src/temporal/worker.ts'

export const quietLog = pino({ level: 'silent' })

/** Workers say what they do at every start and stop. The runtime ends with its last connection, so it may be there or not. */
export function quietTemporalRuntime(): void {
  try {
    installTemporalRuntime(quietLog)
  } catch (error) {
    if (!(error instanceof IllegalStateError)) throw error
  }
}
