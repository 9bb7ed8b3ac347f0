import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { WorkerActivities } from '../../src/activities/worker-activities.ts'
import { createParting } from '../../src/temporal/parting.ts'

const saved = { outcome: 'saved', change: 'sent, 1 event' } as const
const activities = { saveSnapshot: async () => saved } as unknown as WorkerActivities
const save = {} as Parameters<WorkerActivities['saveSnapshot']>[0]

/** Whether a promise has come to its end. */
const isOver = async (promise: Promise<unknown>): Promise<boolean> => {
  const pending = {}
  await turn()
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending
}

describe('a worker that parts', () => {
  it('holds nothing back while it works', async () => {
    assert.equal(await createParting(activities, () => true).activities.saveSnapshot(save), saved)
  })

  it('is told to end while a save is under way, and ends that when nothing more can come', async () => {
    const parting = createParting(activities, () => true)
    let isToldToEnd = false
    const left = parting.leave(() => {
      isToldToEnd = true
    })
    const last = parting.activities.saveSnapshot(save)
    assert.equal(await isOver(last), false)
    assert.equal(isToldToEnd, true)
    await left
    assert.equal(await last, saved)
  })

  it('does not wait for a save that is no part of a task', async () => {
    const parting = createParting(activities, () => false)
    const left = parting.leave(() => {})
    assert.equal(await parting.activities.saveSnapshot(save), saved)
    await left
  })

  it('is told to end though there is nothing to save', async () => {
    let isToldToEnd = false
    await createParting(activities, () => true).leave(() => {
      isToldToEnd = true
    })
    assert.equal(isToldToEnd, true)
  })
})
