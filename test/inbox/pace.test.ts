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
      maxAhead: 4,
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
    assert.ok(pace.hasRoom())
    signal('d')
    assert.ok(!pace.hasRoom())
    await until(() => questions.length >= 3)
    assert.ok(!pace.hasRoom())
    assert.equal(rooms, 0)
    waiting.delete('b')
    await until(() => rooms > 0)
    assert.ok(pace.hasRoom())
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

  it('is not held up for good by lives that do not go on', async () => {
    start({ forgetAfterMs: 50 })
    signal('a', 'b', 'c', 'd')
    await until(() => rooms > 0)
    assert.ok(pace.hasRoom())
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
    assert.ok(!pace.hasRoom())
    isAway = false
    await until(() => rooms > 0)
  })
})
