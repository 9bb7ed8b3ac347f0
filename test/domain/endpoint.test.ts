import assert from 'node:assert/strict'
import {
  attemptDelayMs,
  failuresUntilProbing,
  maximumAttempts,
  pausedAfterFailingMs,
  probeDelayMs,
  retryAfterMs,
} from '../../src/domain/endpoint.ts'
import { type Attempt, type EndpointHealth, outcomeOf } from '../../src/domain/endpoint-health.ts'

const now = Date.UTC(2026, 11, 1)
const minute = 60_000
const hour = 60 * minute
const healthy: EndpointHealth = { failures: 0, firstFailedAt: null, lastSucceededAt: now - hour, notBefore: null }
const refused: Attempt = { at: now, status: 500, retryAfterMs: null, earlier: 0, isProbe: false }

describe('the schedule of attempts', () => {
  it('is 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h', () => {
    const delays = Array.from({ length: maximumAttempts }, (_, made) => attemptDelayMs(made + 1, 0))
    const hours = [2, 5, 10, 14, 20, 24].map((hours) => hours * hour)
    assert.deepEqual(delays, [5_000, 5 * minute, 30 * minute, ...hours, null])
  })

  it('is up to a tenth longer by chance, and never shorter', () => {
    assert.equal(attemptDelayMs(1, 1), 5_500)
  })

  it('probes a failing endpoint at most every five minutes', () => {
    const delays = [0, 1, 2, 6, 60].map((more) => probeDelayMs(failuresUntilProbing + more, 0))
    assert.deepEqual(delays, [5_000, 10_000, 20_000, 5 * minute, 5 * minute])
  })

  it('reads Retry-After in seconds or as a date, up to an hour', () => {
    const inTwoMinutes = new Date(now + 2 * minute).toUTCString()
    const read = ['120', inTwoMinutes, '999999', 'soon', undefined].map((header) => retryAfterMs(header, now))
    assert.deepEqual(read, [2 * minute, 2 * minute, hour, null, null])
  })
})

describe('an attempt', () => {
  it('that is accepted ends the failures of its endpoint', () => {
    const failing = { ...healthy, failures: 9, firstFailedAt: now - hour, notBefore: now }
    const { health, state } = outcomeOf(failing, { ...refused, status: 204, isProbe: true }, 0)
    assert.deepEqual([state, health], ['delivered', { ...healthy, lastSucceededAt: now }])
  })

  it('that fails is repeated by the schedule, and is the last one after the tenth', () => {
    assert.deepEqual(outcomeOf(healthy, refused, 0), {
      health: { ...healthy, failures: 1, firstFailedAt: now },
      ...{ state: 'pending', isCounted: true, nextAttemptAt: now + 5_000, pause: null },
    })
    const last = outcomeOf(healthy, { ...refused, earlier: maximumAttempts - 1 }, 0)
    assert.deepEqual([last.state, last.nextAttemptAt], ['failed', null])
  })

  it('holds the whole endpoint for as long as the answer asks', () => {
    const { health, nextAttemptAt } = outcomeOf(healthy, { ...refused, status: 429, retryAfterMs: 10 * minute }, 0)
    assert.deepEqual([health.notBefore, nextAttemptAt], [now + 10 * minute, now + 10 * minute])
  })

  it('of a burst that fails at once is a short outage: the next probe comes after five seconds', () => {
    const health = Array.from({ length: 50 }).reduce<EndpointHealth>(
      (before) => outcomeOf(before, refused, 0).health,
      healthy,
    )
    assert.deepEqual([health.failures, health.notBefore], [failuresUntilProbing, now + 5_000])
  })

  it('that was a probe uses up none of its delivery, however long the outage', () => {
    const failing = { ...healthy, failures: 400, firstFailedAt: now - 4 * 24 * hour }
    const outcome = outcomeOf(failing, { ...refused, isProbe: true, earlier: maximumAttempts - 1 }, 0)
    assert.deepEqual([outcome.state, outcome.isCounted, outcome.nextAttemptAt], ['pending', false, now + 5 * minute])
  })

  it('pauses the endpoint after five days of failure, or at once by 410, and keeps its delivery', () => {
    const failing = { ...healthy, failures: 400, firstFailedAt: now - pausedAfterFailingMs }
    const [old, gone] = [
      outcomeOf(failing, { ...refused, isProbe: true }, 0),
      outcomeOf(healthy, { ...refused, status: 410 }, 0),
    ]
    assert.deepEqual([old.pause, old.state, gone.pause, gone.state], ['failing', 'pending', 'gone', 'pending'])
  })
})
