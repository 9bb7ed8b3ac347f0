import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Connection } from '@temporalio/client'
import pino from 'pino'
import { createTemporalConnection } from '../../src/temporal/connection.ts'
import {
  maintainSearchAttributes,
  missingSearchAttributes,
  searchAttributeNames,
} from '../../src/temporal/search-attributes.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { testTemporal } from '../stack.ts'
import { until } from '../until.ts'

describe('the search attributes', function () {
  this.timeout(60_000)
  let connection: Connection
  let port: number
  before(async () => {
    const address = await testTemporal()
    port = Number(address.split(':')[1])
    connection = createTemporalConnection({ address, namespace: 'default', security: {} })
  })
  after(() => connection.close())

  async function emptyNamespace(): Promise<string> {
    const namespace = `bare-${randomUUID()}`
    const day = { seconds: 86_400 } as never
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: day })
    return namespace
  }

  const missing = (namespace: string) => missingSearchAttributes(connection, namespace)

  it('are registered once Temporal is reachable, and each reason of failure is logged once', async () => {
    const namespace = await emptyNamespace()
    assert.deepEqual(await missing(namespace), searchAttributeNames)
    const proxy = await FaultProxy.to(port)
    proxy.refuse()
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
    const target = { address: `127.0.0.1:${proxy.port}`, namespace, security: {} }
    const task = maintainSearchAttributes(target, log, 50)
    try {
      await until(() => lines.length > 0)
      await proxy.restore()
      await until(async () => (await missing(namespace)).length === 0, 40_000)
      await until(() => lines.some((line) => line.includes('search attributes: succeeded')))
      const reasons = lines.map((line) => (JSON.parse(line) as { reason?: string }).reason).filter(Boolean)
      assert.equal(new Set(reasons).size, reasons.length, 'each reason once')
    } finally {
      await task.close()
      proxy.close()
    }
  })
})
