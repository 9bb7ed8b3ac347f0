import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventKey, StoredEventKey } from '../../src/db/events.ts'
import { Pace, type PaceOptions } from '../../src/inbox/pace.ts'
import { until } from '../until.ts'

const keyOf = (id: string): StoredEventKey => ({ provider: 'aisend', id, receivedAt: 1 })

describe('the pace of signals', () => {
  let pace: Pace
  let waiting: Set<string>
  let questions: string[][]
  let rooms: number

  const start = (options: Partial<PaceOptions> = {}) => {
    ;[waiting, questions, rooms] = [new Set(), [], 0]
    pace = new Pace({
      waiting: async (keys): Promise<EventKey[]> => {
        questions.push(keys.map(({ id }) => id))
        return keys.filter(({ id }) => waiting.has(id))
      },
      onRoom: () => {
        rooms += 1
      },
      leastAhead: 4,
      everyMs: 5,
      ...options,
    })
  }
  const signal = (...ids: string[]) => {
    for (const id of ids) {
      waiting.add(id)
      pace.add(keyOf(id))
    }
  }
  afterEach(() => pace.close())

  it('lets no more of them run ahead than may, and goes on as soon as some are applied', async () => {
    start()
    signal('a', 'b', 'c')
    assert.ok(pace.hasRoom(0))
    signal('d')
    assert.ok(!pace.hasRoom(0))
    await until(() => questions.length >= 3)
    assert.ok(!pace.hasRoom(0))
    assert.equal(rooms, 0)
    waiting.delete('b')
    await until(() => rooms > 0)
    assert.ok(pace.hasRoom(0))
  })

  it('asks for nothing while few are ahead', async () => {
    start()
    signal('a')
    await sleep(30)
    assert.deepEqual(questions, [])
    signal('b')
    waiting.clear()
    await until(() => questions.length > 0)
    assert.deepEqual(questions, [['a', 'b']])
    await sleep(30)
    assert.equal(questions.length, 1, 'both are applied')
  })

  it('lets more run ahead as more is applied', async () => {
    start()
    let count = 0
    await until(() => {
      waiting.clear()
      let further = 0
      for (; pace.hasRoom(0) && further < 1_000; further += 1) signal(`signal ${count++}`)
      return further > 100
    })
  })

  it('is not held up by a life that is stuck, once what was signalled later is applied', async () => {
    start({ overtakenAfterMs: 50, forgottenAfterMs: 60_000 })
    signal('stuck')
    await sleep(60)
    signal('later', 'c', 'd')
    assert.ok(!pace.hasRoom(0))
    waiting.delete('later')
    let further = 0
    await until(() => {
      signal(`further ${further++}`)
      return questions.at(-1)?.includes('stuck') === false
    })
    assert.ok(questions.at(-1)?.includes('c'))
  })

  it('is not held up by as many stuck lives as may be ahead: now and then a few more are let through', async () => {
    start({ leastAhead: 64, overtakenAfterMs: 50, forgottenAfterMs: 60_000 })
    signal(...Array.from({ length: 64 }, (_, n) => `stuck ${n}`))
    assert.ok(!pace.hasRoom(0))
    await until(() => rooms > 0)
    signal('sound')
    waiting.delete('sound')
    await until(() => pace.hasRoom(63))
    assert.ok(questions.flat().includes('sound'))
  })

  it('says that workers are away once nothing has been applied for long, until something is', async () => {
    start({ stalledAfterMs: 40 })
    signal('a', 'b', 'c', 'd')
    assert.ok(!pace.isStalled())
    await until(() => pace.isStalled())
    waiting.delete('a')
    await until(() => !pace.isStalled())
  })

  it('forgets what nobody applies', async () => {
    start({ forgottenAfterMs: 50 })
    signal('a', 'b', 'c', 'd')
    await until(() => rooms > 0)
    assert.ok(pace.hasRoom(3))
  })

  it('goes on after a database that was away', async () => {
    let isAway = true
    start({
      waiting: async () => {
        questions.push([])
        if (isAway) throw new Error('the database is away')
        return []
      },
    })
    signal('a', 'b', 'c', 'd')
    await until(() => questions.length >= 2)
    assert.ok(!pace.hasRoom(0))
    isAway = false
    await until(() => rooms > 0)
  })
})
