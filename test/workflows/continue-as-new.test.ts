import assert from 'node:assert/strict'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig, stallAfter } from './email-rig.ts'

describe('an email with a long history', () => {
  let temporal: EmbeddedTemporal
  let rig: EmailRig
  before(async () => {
    temporal = await ownTemporal({ dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '60' } })
    rig = await EmailRig.start({ temporalAddress: temporal.address })
  })
  after(async () => {
    await rig.stop()
    await temporal.stop()
  })

  it('continues as new, with exact counts and the same deadlines', async () => {
    const email = rig.email(stallAfter(4_000))
    await email.register()
    for (let opens = 0; opens < 40; opens++) await email.apply(email.event('opened', { human: false }))
    assert.equal((await email.row()).opensTotal, 40)
    await email.escalated('stalled', 'open')
    await until(() => email.notices().length === 1)
    await until(async () => (await email.runs()).length >= 3)
    const { events } = await email.handle().fetchHistory()
    assert.ok((events?.length ?? 0) < 120, 'the last run is short')
  })

  it('carries undelivered notices over', async () => {
    const email = rig.email(stallAfter(200))
    rig.channelError = new Error('connection refused')
    await email.register()
    await email.escalated('stalled', 'open')
    for (let opens = 0; opens < 15; opens++) await email.apply(email.event('opened', { human: false }))
    await until(async () => (await email.runs()).length >= 2)
    assert.deepEqual(email.notices(), [])
    rig.channelError = null
    await until(() => email.notices().length === 1)
    assert.equal((await email.row()).opensTotal, 15)
  })

  it('drops a repeat of an event that an earlier run has applied', async () => {
    const email = rig.email()
    const first = email.event('opened', { human: false })
    await email.apply(first)
    for (let opens = 0; opens < 20; opens++) await email.apply(email.event('opened', { human: false }))
    await until(async () => (await email.runs()).length >= 2)
    const { id, occurredAt, receivedAt } = first
    await email.signal({ id, type: 'opened', human: false, occurredAt, receivedAt })
    await email.apply(email.event('clicked', { human: true }))
    const row = await email.row()
    assert.deepEqual([row.opensTotal, row.clicksTotal], [21, 1])
  })
})

describe('an email with many saves', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  it('continues as new after fifty saves, so that no replay is long, with the same search attributes and details', async () => {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    await email.apply(email.event('sent'))
    for (let opens = 0; opens < 110; opens++) await email.apply(email.event('opened', { human: false }))
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
    const details = await email.handle().query<{ currentDetails?: string }>('__temporal_workflow_metadata')
    assert.match(details.currentDetails ?? '', /^\*\*opened\*\* · normal · aisend · example\.com\n/)
    const { events } = await email.handle().fetchHistory()
    assert.ok(
      !events?.some((event) => event.upsertWorkflowSearchAttributesEventAttributes),
      'no search attribute is written again',
    )
  })
})
