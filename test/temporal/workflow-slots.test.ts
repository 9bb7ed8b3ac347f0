import assert from 'node:assert/strict'
import type { SlotPermit, SlotReserveContext } from '@temporalio/worker'
import fc from 'fast-check'
import { WorkflowSlots, type WorkflowSlotsOptions } from '../../src/temporal/workflow-slots.ts'

type Queue = 'shared' | 'own'

/** A worker's side of the slots: what it polls, and what comes of it. */
class Polls {
  readonly slots: WorkflowSlots
  readonly open: { readonly queue: Queue; readonly permit: SlotPermit }[] = []
  readonly tasks: SlotPermit[] = []
  /** Polls that were given up before they were granted. */
  refused = 0

  constructor(options: WorkflowSlotsOptions = {}) {
    this.slots = new WorkflowSlots(options)
  }

  /** Resolves when what can be granted at once has been. @returns what gives each of them up. */
  async poll(queue: Queue, times = 1): Promise<AbortController[]> {
    const aborts = Array.from({ length: times }, () => new AbortController())
    for (const { signal } of aborts)
      void this.slots.reserveSlot(contextOf(queue), signal).then(
        (permit) => this.open.push({ queue, permit }),
        () => {
          this.refused += 1
        },
      )
    await settled()
    return aborts
  }

  /** A task comes by the poll that has been open for longest. */
  async take(queue: Queue, isReplay: boolean): Promise<void> {
    const index = this.open.findIndex((poll) => poll.queue === queue)
    const [poll] = this.open.splice(index, 1)
    assert.ok(poll && index >= 0, `a poll of the ${queue} queue is open`)
    this.slots.markSlotUsed({
      permit: poll.permit,
      slotInfo: { type: 'workflow', workflowType: 'emailLifecycle', isSticky: !isReplay },
    })
    this.tasks.push(poll.permit)
    await settled()
  }

  async end(count = this.tasks.length): Promise<void> {
    for (const permit of this.tasks.splice(0, count)) this.slots.releaseSlot({ permit })
    await settled()
  }

  openOf = (queue: Queue): number => this.open.filter((poll) => poll.queue === queue).length
}

const contextOf = (queue: Queue) => ({ slotType: 'workflow', isSticky: queue === 'own' }) as SlotReserveContext

/** Promises that can be resolved have been. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** How many lives can be replayed at once now. */
async function replaysAtOnce(polls: Polls): Promise<number> {
  await polls.poll('shared', 100)
  while (polls.openOf('shared') > 0) await polls.take('shared', true)
  return polls.tasks.length
}

describe('slots of workflow tasks', () => {
  it('replays in time let more lives be replayed at once, up to all slots but one', async () => {
    const polls = new Polls({ slots: 10, firstReplays: 4, slowAfterMs: 60_000 })
    await polls.poll('own')
    const counts = []
    for (let round = 0; round < 12; round += 1) {
      counts.push(await replaysAtOnce(polls))
      await polls.end()
    }
    assert.equal(counts[0], 3)
    assert.equal(counts.at(-1), 9)
    assert.deepEqual(
      counts,
      counts.toSorted((one, other) => one - other),
    )
  })

  it('replays that were slow halve their number, once for all that were under way together', async () => {
    const polls = new Polls({ slots: 40, firstReplays: 16, slowAfterMs: 0 })
    await polls.poll('own')
    assert.equal(await replaysAtOnce(polls), 15)
    await polls.end()
    assert.equal(await replaysAtOnce(polls), 7)
  })

  it('however slow replays are, one goes on, and so do the lives in memory', async () => {
    const polls = new Polls({ firstReplays: 2, slowAfterMs: 0 })
    await polls.poll('own')
    for (let round = 0; round < 3; round += 1) {
      assert.equal(await replaysAtOnce(polls), 1)
      await polls.poll('own', 5)
      for (let task = 0; task < 5; task += 1) await polls.take('own', false)
      await polls.end()
    }
  })

  it('tasks of lives in memory have all slots', async () => {
    const polls = new Polls({ slots: 40, firstReplays: 2 })
    await polls.poll('own', 100)
    for (let task = 0; task < 39; task += 1) await polls.take('own', false)
    assert.equal(polls.openOf('own'), 1)
  })

  it("a life that comes by the worker's own queue and is not in memory counts as a replay", async () => {
    const polls = new Polls({ firstReplays: 3 })
    await polls.poll('own', 100)
    await polls.poll('shared', 100)
    while (polls.openOf('own') > 0) await polls.take('own', true)
    assert.equal(polls.tasks.length, 3)
  })

  it('a poll that was given up leaves its place to others', async () => {
    const polls = new Polls({ slots: 2, firstReplays: 2 })
    await polls.poll('own')
    await polls.take('own', false)
    const polled = await polls.poll('shared', 2)
    assert.equal(polls.openOf('shared'), 1)
    for (const abort of polled) abort.abort(new Error('no longer needed'))
    await settled()
    assert.equal(polls.refused, 1, 'the one that had not been granted')
    await polls.poll('own')
    await polls.end()
    assert.equal(polls.openOf('own'), 1)
  })

  it('whatever happens, no more is taken than there is, and where nothing is under way both queues are polled', () => {
    const steps = fc.array(
      fc.record({
        do: fc.constantFrom('poll', 'take', 'end'),
        queue: fc.constantFrom<Queue>('own', 'shared'),
        isReplay: fc.boolean(),
      }),
      { maxLength: 60 },
    )
    const options = fc.record({
      slots: fc.integer({ min: 2, max: 12 }),
      firstReplays: fc.integer({ min: 2, max: 12 }),
      slowAfterMs: fc.constantFrom(0, 60_000),
    })
    return fc.assert(
      fc.asyncProperty(options, steps, async (given, taken) => {
        const polls = new Polls(given)
        for (const step of taken) {
          if (step.do === 'poll') await polls.poll(step.queue)
          else if (step.do === 'end') await polls.end(1)
          else if (polls.openOf(step.queue) > 0) await polls.take(step.queue, step.queue === 'shared' || step.isReplay)
          assert.ok(polls.open.length + polls.tasks.length <= given.slots)
        }
        await polls.end()
        await polls.poll('own')
        await polls.poll('shared')
        assert.ok(polls.openOf('own') > 0 && polls.openOf('shared') > 0)
      }),
      { numRuns: 200 },
    )
  })
})
