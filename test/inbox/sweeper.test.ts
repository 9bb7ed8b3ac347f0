import assert from 'node:assert/strict'
import type { WaitingEvent } from '../../src/db/leases.ts'
import type { Room } from '../../src/inbox/dispatcher.ts'
import { Sweeper } from '../../src/inbox/sweeper.ts'
import { quietLog } from '../quiet.ts'
import { until } from '../until.ts'

const claimed = (count: number) => Array.from({ length: count }) as WaitingEvent[]

describe('a sweep', () => {
  /** Sweeps until `enough` says so; the claims take turns at the answers, the last of which is for all further ones. */
  async function sweep(room: Room, answers: (() => WaitingEvent[])[], everyMs: number, enough: () => boolean) {
    const [wanted, offered] = [[] as object[], [] as WaitingEvent[]]
    let asked = 0
    const sweeper = new Sweeper({
      dispatcher: {
        room: () => {
          asked += 1
          return room
        },
        offer: (events) => offered.push(...events),
      },
      claim: async (some) => {
        wanted.push({ ...some, askedBefore: asked })
        return (answers.length > 1 ? answers.shift() : answers[0])?.() ?? []
      },
      log: quietLog,
      everyMs,
    })
    sweeper.start()
    await until(() => wanted.length >= 3 || enough())
    await sweeper.close()
    return { wanted, offered, asked }
  }

  it('goes on at once while it finds all that there is room for', async () => {
    const room = { emails: 4, events: 100, isBusy: false }
    const { wanted, offered } = await sweep(room, [() => claimed(6)], 60_000, () => false)
    assert.deepEqual(wanted[0], { emails: 4, events: 100, askedBefore: 1 })
    assert.ok(offered.length >= 12)
  })

  it('takes a share now and then while enough waits already, and asks meanwhile whether that is still so', async () => {
    const room = { emails: 4, events: 100, isBusy: true }
    const { wanted } = await sweep(room, [() => claimed(4)], 300, () => false)
    const [first, second] = wanted as { askedBefore: number }[]
    assert.ok((second?.askedBefore ?? 0) - (first?.askedBefore ?? 0) > 3)
  })

  it('claims nothing without room', async () => {
    let looks = 0
    const { wanted, asked } = await sweep({ emails: 0, events: 0, isBusy: false }, [() => claimed(1)], 5, () => {
      looks += 1
      return looks > 5
    })
    assert.deepEqual(wanted, [])
    assert.ok(asked > 1)
  })

  it('that has failed asks for no more than the oldest, so that no email with too much to read stops all others', async () => {
    const failing = () => {
      throw new Error('canceling statement due to statement timeout')
    }
    const room = { emails: 4, events: 100, isBusy: false }
    const { wanted } = await sweep(room, [failing, () => claimed(4)], 5, () => false)
    const events = wanted.map((some) => (some as { events: number }).events)
    assert.deepEqual(events.slice(0, 3), [100, 4, 100])
  })
})
