import assert from 'node:assert/strict'
import type { LocalTemporal } from '../../src/local/temporal.ts'
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

  it('continues as new, with counts exact and deadlines kept', async () => {
    const email = living.email(stallAfter(4_000))
    await email.register()
    for (let opens = 0; opens < 40; opens++) await email.hear(email.event('opened', { human: false }))
    assert.equal((await email.row()).opensTotal, 40)
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await until(async () => (await email.runs()).length >= 3)
    const { events } = await email.handle().fetchHistory()
    assert.ok((events?.length ?? 0) < 120, 'the last run is short')
  })

  it('takes what it has not told support yet along', async () => {
    const email = living.email(stallAfter(200))
    living.channelError = new Error('connection refused')
    await email.register()
    await email.escalated('stalled', 'open')
    for (let opens = 0; opens < 15; opens++) await email.hear(email.event('opened', { human: false }))
    await until(async () => (await email.runs()).length >= 2)
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
    await until(async () => (await email.runs()).length >= 2)
    const { id, occurredAt, receivedAt } = first
    await email.lives.signal(email, [{ id, type: 'opened', human: true, occurredAt, receivedAt }], null)
    await email.hear(email.event('clicked', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.opensTotal, row.opensHuman], [21, 1])
  })
})

describe('a life that saves often', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  it('continues as new after fifty saves, so that no replay is long, and shows what it showed before', async () => {
    const email = living.email()
    await email.hear(email.event('delivered'))
    for (let opens = 0; opens < 110; opens++) await email.hear(email.event('opened', { human: false }))
    assert.equal((await email.row()).opensTotal, 110)
    await until(async () => (await email.runs()).length === 3)
    for (const { runId, searchAttributes } of await email.runs()) {
      const { events } = await email.handle(runId).fetchHistory()
      const saves = events?.filter(
        ({ markerRecordedEventAttributes: marker }) => marker?.markerName === 'core_local_activity',
      )
      assert.ok((saves?.length ?? 0) <= 50)
      assert.deepEqual(searchAttributes['EmailStatus'], ['opened'])
    }
    const { events } = await email.handle().fetchHistory()
    assert.ok(!events?.some((event) => event.upsertWorkflowSearchAttributesEventAttributes), 'nothing is shown anew')
  })
})
