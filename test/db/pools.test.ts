import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { applyPool, endpointPool, readPool, receiptPool, schedulePool } from '../../src/db/pools.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])

/** The connection that listens for changes. */
const listener = 1
const ofApi = receiptPool.poolSize + readPool.poolSize + listener
const ofWorker = applyPool.poolSize + schedulePool.poolSize + endpointPool.poolSize + listener

describe('the connection pools', () => {
  it('have the sizes in docs/scaling.md', () => {
    const page = read('docs/scaling.md')
    for (const { name, poolSize, statementTimeoutMs } of [
      receiptPool,
      readPool,
      applyPool,
      schedulePool,
      endpointPool,
    ]) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`aftersend ${name}\``))
      const cells = row?.split('|').map((cell) => cell.trim()) ?? []
      assert.deepEqual(cells.slice(3, 5), [String(poolSize), `${statementTimeoutMs / 1_000} s`], name)
    }
    assert.equal(numberIn(page, /an `api` holds (\d+) at most/), ofApi)
    assert.equal(numberIn(page, /a `worker` (\d+), both/), ofWorker)
    assert.equal(numberIn(page, /both in one process (\d+)/), ofApi + ofWorker)
  })

  it('fit into the PostgreSQL of docker-compose.yml, scaled as its first lines describe', () => {
    const compose = read('docker-compose.yml')
    const [apis, workers] = [numberIn(compose, /--scale api=(\d+)/), numberIn(compose, /--scale worker=(\d+)/)]
    const ofTemporal = numberIn(compose, /Temporal's four services up to (\d+)/)
    assert.ok(apis * ofApi + workers * ofWorker + ofTemporal <= numberIn(compose, /max_connections=(\d+)/))
  })
})
