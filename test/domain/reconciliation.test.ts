import assert from 'node:assert/strict'
import fc from 'fast-check'
import { firstWindowMs, nextWindow, overlapMs } from '../../src/domain/reconciliation.ts'

const hourMs = 3_600_000
const now = Date.UTC(2026, 10, 30, 12)
const record = { now, delayMs: 60_000, retainedMs: 30 * 24 * hourMs }

describe('the window of a provider’s record that is compared next', () => {
  it('begins where the last one ended, whatever the downtime, with an overlap', () => {
    for (const downtimeMs of [hourMs, 24 * hourMs, 20 * 24 * hourMs]) {
      const window = nextWindow({ ...record, through: now - downtimeMs })
      assert.deepEqual(window, { from: now - downtimeMs - overlapMs, to: now - record.delayMs })
    }
  })

  it('is a day at first, and goes no further back than the record', () => {
    assert.equal(nextWindow({ ...record, through: null })?.from, now - firstWindowMs)
    assert.equal(nextWindow({ ...record, through: 0 })?.from, now - record.retainedMs)
    assert.equal(nextWindow({ ...record, through: null, retainedMs: hourMs })?.from, now - hourMs)
  })

  it('leaves no gap between two, for any times of their runs', () => {
    const delays = fc.record({
      gapMs: fc.integer({ min: 1, max: 20 * 24 * hourMs }),
      delayMs: fc.integer({ min: 0, max: hourMs }),
    })
    fc.assert(
      fc.property(delays, ({ gapMs, delayMs }) => {
        const first = nextWindow({ ...record, delayMs, through: null })
        const second = first && nextWindow({ ...record, delayMs, now: now + gapMs, through: first.to })
        assert.ok(first && (second === null || second.from <= first.to))
      }),
    )
  })
})
