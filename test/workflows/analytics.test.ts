import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readBreakdown, readRolledThrough, readSummary } from '../../src/db/analytics.ts'
import { settlingMs } from '../../src/db/analytics-rollups.ts'
import type { rollUpAnalytics } from '../../src/workflows/analytics.ts'
import { Living } from './living.ts'

const hourMs = 3_600_000
const hourOf = (time: number) => Math.floor(time / hourMs) * hourMs

describe('the roll-up of analytics', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  const rollUp = () =>
    living.client.workflow.execute<typeof rollUpAnalytics>('rollUpAnalytics', {
      workflowId: `roll-up-${randomUUID()}`,
      taskQueue: living.taskQueue,
      args: [],
    })

  it('counts hours that have ended, and again when an email of one hears more', async () => {
    const thisHour = hourOf(Date.now())
    const settledBefore = () => hourOf(Date.now() - settlingMs)
    const range = { from: new Date(thisHour - 3 * hourMs), to: new Date(thisHour + 2 * hourMs) }
    const summary = () => readSummary(living.db, range, {})
    const email = living.email()
    await email.register()
    await living.db.$executeRaw`UPDATE emails SET created_at = created_at - interval '2 hours'`
    const earliest = settledBefore()
    assert.deepEqual(await rollUp(), { hours: 1 })
    const rolledThrough = +((await readRolledThrough(living.db)) ?? 0)
    assert.ok([earliest, settledBefore()].includes(rolledThrough), `rolled up through ${new Date(rolledThrough)}`)
    assert.equal((await summary()).delivered, 0)
    await email.hear(email.event('delivered'), email.event('opened', { human: true, occurredAt: Date.now() + 60_000 }))
    assert.deepEqual(await rollUp(), { hours: 1 })
    const { emails, delivered, openedByHuman } = await summary()
    assert.deepEqual([emails, delivered, openedByHuman], [1, 1, 1])
    assert.deepEqual(await rollUp(), { hours: 0 })
    const [domain] = await readBreakdown(living.db, range, {}, 'domain', 10)
    assert.deepEqual([domain?.value, domain?.tally.delivered], ['example.com', 1])
  })
})
