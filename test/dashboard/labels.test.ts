import assert from 'node:assert/strict'
import { cappedCount, counted, duration, percent, phrase } from '../../src/dashboard/components/labels.ts'

describe('labels of the dashboard', () => {
  it('show durations in their two largest units', () => {
    const minute = 60_000
    const lengths = {
      0: '0 ms',
      999: '999 ms',
      1000: '1.0 s',
      9940: '9.9 s',
      9960: '10 s',
      59949: '60 s',
      [minute]: '1 min',
      [3 * minute + 20_000]: '3 min 20 s',
      [59 * minute + 59_900]: '1 h',
      [2 * 60 * minute + 5 * minute]: '2 h 5 min',
      [24 * 60 * minute]: '1 d',
      [100 * 60 * minute]: '4 d 4 h',
    }
    for (const [ms, label] of Object.entries(lengths)) assert.equal(duration(Number(ms)), label, ms)
  })

  it('show counts, rates and names', () => {
    assert.deepEqual([counted(1, 'event'), counted(1_234, 'event')], ['1 event', '1,234 events'])
    assert.deepEqual([cappedCount(99_999), cappedCount(100_000)], ['99,999', '100,000 or more'])
    assert.deepEqual([percent(0.98351), percent(1, 0), percent(null)], ['98.4 %', '100 %', '–'])
    assert.equal(phrase('repeated_soft_bounces'), 'Repeated soft bounces')
  })
})
