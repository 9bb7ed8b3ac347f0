/** The smallest workflow that does one signal and one no-op local activity per event: the reference of bench/lifecycles.ts. */
import { condition, defineSignal, proxyLocalActivities, setHandler } from '@temporalio/workflow'

export const happened = defineSignal<[string]>('happened')

const { noOp } = proxyLocalActivities<{ noOp(type: string): Promise<void> }>({ startToCloseTimeout: '5 seconds' })

export async function smallestWorkflow(events: number): Promise<void> {
  const waiting: string[] = []
  setHandler(happened, (type) => {
    waiting.push(type)
  })
  for (let done = 0; done < events; done++) {
    await condition(() => waiting.length > 0)
    await noOp(waiting.shift() ?? '')
  }
}
