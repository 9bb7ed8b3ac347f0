import assert from 'node:assert/strict'
import { createSteadyClock } from '../../src/webhooks/steady-clock.ts'

describe('the steady clock', () => {
  let [wall, elapsed] = [1_000_000, 0]
  const pass = (ms: number) => {
    wall += ms
    elapsed += ms
  }

  it("follows the machine's clock, continues when that is set back, and follows it again afterwards", () => {
    const clock = createSteadyClock(
      () => wall,
      () => elapsed,
    )
    assert.equal(clock(), 1_000_000)
    pass(500)
    assert.equal(clock(), 1_000_500)
    wall -= 3_600_000
    pass(500)
    assert.equal(clock(), 1_001_000)
    pass(0.4)
    assert.equal(clock(), 1_001_000)
    wall += 3_700_000
    assert.equal(clock(), Math.floor(wall))
  })
})
