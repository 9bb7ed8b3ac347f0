/** Workflow code of an incompatible release: workflows that started before do not replay with it. */
import { sleep } from '@temporalio/workflow'

export const emailLifecycle = (): Promise<void> => sleep('1 hour')
