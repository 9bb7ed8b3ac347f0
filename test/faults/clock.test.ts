import assert from 'node:assert/strict'
import { createSteadyClock } from '../../src/api/steady-clock.ts'
import { until } from '../until.ts'
import { Living, stallAfter } from '../workflows/living.ts'

const hourMs = 3_600_000
const stallAfterMs = 3_000

describe("faults: the API's clock is set back an hour", () => {
  let living: Living
  let stepMs = 0
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  it('an email that is heard of before and after is told as stalled when it is, and once', async () => {
    const receivedAt = createSteadyClock(() => Date.now() + stepMs)
    const email = living.email(stallAfter(stallAfterMs))
    const [first, startedAt] = [email.event('queued', { receivedAt: receivedAt() }), Date.now()]
    await email.hear(first)
    stepMs = -hourMs
    await email.hear(email.event('sent', { receivedAt: receivedAt(), occurredAt: Date.now() - hourMs }))
    assert.deepEqual(await email.escalations(), [])
    const { openedAt } = await email.escalated('stalled', 'open')
    await until(() => email.notices().length > 0)
    const lateMs = openedAt.getTime() - startedAt - stallAfterMs
    console.log(`      told ${lateMs} ms after its deadline`)
    assert.ok(lateMs >= -100)
    await email.hear(email.event('delivered', { receivedAt: receivedAt() }))
    await email.escalated('stalled', 'resolved')
    assert.equal(email.notices().length, 1)
  })
})
