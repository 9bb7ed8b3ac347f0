import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { WorkerActivities } from '../../src/activities/worker-activities.ts'
import { createGracefulShutdown } from '../../src/temporal/graceful-shutdown.ts'

const saved = { outcome: 'saved', change: 'sent, 1 event' } as const
const activities = { saveSnapshot: async () => saved } as unknown as WorkerActivities
const save = {} as Parameters<WorkerActivities['saveSnapshot']>[0]

/** Whether a promise has settled. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = {}
  await turn()
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('the graceful shutdown of a worker', () => {
  it('delays no save before it starts', async () => {
    assert.equal(await createGracefulShutdown(activities, () => true).activities.saveSnapshot(save), saved)
  })

  it('shuts the worker down while a save is open, and ends the save once no task can come any more', async () => {
    const shutdown = createGracefulShutdown(activities, () => true)
    let isShutDown = false
    const done = shutdown.shutDown(() => {
      isShutDown = true
    })
    const last = shutdown.activities.saveSnapshot(save)
    assert.equal(await isSettled(last), false)
    assert.equal(isShutDown, true)
    await done
    assert.equal(await last, saved)
  })

  it('does not delay a save outside a workflow task', async () => {
    const shutdown = createGracefulShutdown(activities, () => false)
    const done = shutdown.shutDown(() => {})
    assert.equal(await shutdown.activities.saveSnapshot(save), saved)
    await done
  })

  it('shuts the worker down if there is no save', async () => {
    let isShutDown = false
    await createGracefulShutdown(activities, () => true).shutDown(() => {
      isShutDown = true
    })
    assert.equal(isShutDown, true)
  })
})
