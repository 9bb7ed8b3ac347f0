import assert from 'node:assert/strict'
import { createMetrics, type InboxFigures } from '../src/metrics.ts'

const gauges = ['aftersend_inbox_pending', 'aftersend_inbox_oldest_seconds', 'aftersend_escalations_open']

describe('the gauges of the inbox', () => {
  const scrape = async (readFigures: () => Promise<InboxFigures>, scrapes = 1) => {
    const { registry } = createMetrics(readFigures)
    let text = ''
    for (let n = 0; n < scrapes; n++) text = await registry.metrics()
    return gauges.map((name) => new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  }

  it('show the values of this scrape, from one read', async () => {
    let reads = 0
    const readFigures = async () => {
      reads += 1
      return { pending: reads, oldestSeconds: 10 * reads, escalationsOpen: 100 * reads }
    }
    assert.deepEqual(await scrape(readFigures), ['1', '10', '100'])
    reads = 0
    assert.deepEqual(await scrape(readFigures, 2), ['2', '20', '200'])
    assert.equal(reads, 2)
  })

  it('are left out if they cannot be read', async () => {
    const failing = async () => {
      throw new Error('away')
    }
    assert.deepEqual(await scrape(failing), [undefined, undefined, undefined])
  })
})
