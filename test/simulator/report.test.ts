import assert from 'node:assert/strict'
import { sentTable, verdict } from '../../src/simulator/report.ts'
import { createStatistics, percentile, tallyOf } from '../../src/simulator/statistics.ts'

describe('the report of a simulation', () => {
  it('shows counts by kind in the order of the lifecycle, with sums, response times and errors', () => {
    const statistics = createStatistics()
    Object.assign(tallyOf(statistics, 'delivered'), { sent: 90, duplicates: 5, retries: 1_000, failed: 1 })
    Object.assign(tallyOf(statistics, 'registration'), { sent: 100 })
    statistics.latenciesMs.push(3, 1, 2, 100)
    statistics.failures.set('status 500', 1)
    assert.equal(
      sentTable(statistics),
      [
        'posted        sent  duplicates  retries  failed',
        'registration   100           0        0       0',
        'delivered       90           5     1000       1',
        'all            190           5     1000       1',
        '',
        'response time: p50 2.0 ms, p99 100.0 ms, max 100.0 ms',
        'given up: 1 × status 500',
      ].join('\n'),
    )
  })

  it('shows no response time if there was no response', () => {
    assert.match(sentTable(createStatistics()), /p50 –/)
    assert.equal(percentile([], 0.5), null)
  })

  it('shows twenty differences and counts the others', () => {
    const difference = { emailId: 'em_1', field: 'status', expected: 'sent', actual: 'queued' }
    const lines = verdict(
      7,
      Array.from({ length: 23 }, () => difference),
    ).split('\n')
    assert.equal(lines.length, 22)
    assert.equal(lines[0], 'em_1  status: expected sent, got queued')
    assert.deepEqual(lines.slice(-2), ['… and 3 more', '7 emails verified, 23 differences'])
    assert.equal(verdict(500, []), '500 emails verified, 0 differences')
  })
})
