import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { StoredEventKey } from '../../src/db/events.ts'
import { Leases } from '../../src/inbox/leases.ts'
import { until } from '../until.ts'

const key = (id: string): StoredEventKey => ({ provider: 'aisend', id, receivedAt: 1 })

describe('leases', () => {
  it('of signalled events are extended once a grace time is over, those of waiting ones again and again', async () => {
    const extended: string[] = []
    const leases = new Leases({
      graceMs: 10,
      extend: async (keys, to) => extended.push(...keys.map(({ id }) => `${id} to ${to}`)),
      waitingFor: (ms) => [key(`waiting for ${ms}`)],
    })
    leases.addSignalled([key('signalled')])
    await until(() => extended.filter((told) => told === 'waiting for 10 to be signalled').length >= 4)
    leases.close()
    assert.equal(extended.filter((told) => told === 'signalled to be applied').length, 1)
    assert.notEqual(extended[0], 'signalled to be applied', 'nearly all are applied within the grace time')
  })

  it('are looked at once at a time, and go on after a failure', async () => {
    let answer: (error?: Error) => void = () => {}
    let asked = 0
    const leases = new Leases({
      graceMs: 60_000,
      extend: () => {
        asked += 1
        return new Promise<void>((resolve, reject) => {
          answer = (error) => (error ? reject(error) : resolve())
        })
      },
      waitingFor: () => [key('waits')],
    })
    const first = leases.look()
    await leases.look()
    assert.equal(asked, 1)
    answer(new Error('the database is away'))
    await first
    void leases.look()
    await turn()
    assert.equal(asked, 2)
    leases.close()
  })
})
