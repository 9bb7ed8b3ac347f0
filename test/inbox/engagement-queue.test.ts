import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { EngagementQueue } from '../../src/inbox/engagement-queue.ts'
import type { RelayedEvent } from '../../src/inbox/event-store.ts'

const opened = (id: string) =>
  ({ email: { provider: 'aisend', emailId: 'em_1' }, event: { id, type: 'opened', receivedAt: 0 } }) as RelayedEvent

describe('the queue of opens and clicks', () => {
  it('applies what is added while it finishes with what was there before', async () => {
    for (let ticks = 0; ticks < 40; ticks++) {
      const applied: string[] = []
      const queue = new EngagementQueue({
        async apply(keys) {
          applied.push(...keys.map(({ id }) => id))
          return keys
        },
        onApplied() {},
        onUnsettled: () => assert.fail('all were applied'),
        onFailure: (error) => assert.fail(String(error)),
      })
      queue.add(opened('evt_1'))
      for (let tick = 0; tick < ticks; tick++) await null
      queue.add(opened('evt_2'))
      await turn()
      assert.deepEqual(applied, ['evt_1', 'evt_2'], `added after ${ticks} microtasks`)
    }
  })
})
