import assert from 'node:assert/strict'
import type { LocalTemporal } from '../../src/local/temporal.ts'
import { workflowIdOf } from '../../src/temporal/lives.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { Living, stallAfter } from './living.ts'

describe('a life longer than a history', () => {
  let temporal: LocalTemporal
  let living: Living
  before(async () => {
    temporal = await ownTemporal({ dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '60' } })
    living = await Living.begin({ temporalAddress: temporal.address })
  })
  after(async () => {
    await living.end()
    await temporal.stop()
  })

  const runsOf = async (workflowId: string) => {
    let runs = 0
    for await (const _ of living.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) runs += 1
    return runs
  }

  it('continues as new, with counts exact and deadlines kept', async () => {
    const email = living.email(stallAfter(4_000))
    await email.register()
    for (let opens = 0; opens < 40; opens++) await email.hear(email.event('opened', { human: false }))
    assert.equal((await email.row()).opensTotal, 40)
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await until(async () => (await runsOf(workflowIdOf(email))) >= 3)
    const { events } = await email.handle().fetchHistory()
    assert.ok((events?.length ?? 0) < 120, 'the last run is short')
  })

  it('takes what it has not told support yet along', async () => {
    const email = living.email(stallAfter(200))
    living.channelError = new Error('connection refused')
    await email.register()
    await email.escalated('stalled', 'open')
    for (let opens = 0; opens < 15; opens++) await email.hear(email.event('opened', { human: false }))
    await until(async () => (await runsOf(workflowIdOf(email))) >= 2)
    assert.deepEqual(email.notices(), [])
    living.channelError = null
    await until(() => email.notices().length === 1)
    assert.equal((await email.row()).opensTotal, 15)
  })

  it('drops a repeat of what an earlier run has applied', async () => {
    const email = living.email()
    const first = email.event('opened', { human: true })
    await email.hear(first)
    for (let opens = 0; opens < 20; opens++) await email.hear(email.event('opened', { human: false }))
    await until(async () => (await runsOf(workflowIdOf(email))) >= 2)
    const { id, occurredAt, receivedAt } = first
    await email.lives.signal(email, [{ id, type: 'opened', human: true, occurredAt, receivedAt }], null)
    await email.hear(email.event('clicked', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.opensTotal, row.opensHuman], [21, 1])
  })
})
