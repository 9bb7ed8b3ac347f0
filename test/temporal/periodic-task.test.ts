import assert from 'node:assert/strict'
import { runPeriodically } from '../../src/temporal/periodic-task.ts'
import { quietLog } from '../quiet.ts'
import { testTemporal } from '../stack.ts'
import { until } from '../until.ts'

describe('a periodic task', () => {
  const warnings: string[] = []
  const note = ({ name }: Error) => void warnings.push(name)
  before(() => process.on('warning', note))
  after(() => process.off('warning', note))

  it('leaves no listener of a call behind, however often it runs and however many calls a run makes', async () => {
    const target = { address: await testTemporal(), namespace: 'default', security: {} }
    let runs = 0
    const task = runPeriodically(target, { name: 'test', everyMs: 1, log: quietLog }, async (client) => {
      for (let call = 0; call < 12; call++) await client.connection.workflowService.getSystemInfo({})
      runs += 1
    })
    await until(() => runs >= 12)
    await task.close()
    assert.deepEqual(warnings, [])
  })
})
