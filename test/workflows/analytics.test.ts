import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readBreakdown, readRolledThrough, readSummary } from '../../src/db/analytics.ts'
import { settlingMs } from '../../src/db/analytics-rollups.ts'
import type { rollUpAnalytics } from '../../src/workflows/scheduled.ts'
import { EmailRig } from './email-rig.ts'

const hourMs = 3_600_000
const hourOf = (time: number) => Math.floor(time / hourMs) * hourMs

describe('the roll-up of analytics', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const rollUp = () =>
    rig.client.workflow.execute<typeof rollUpAnalytics>('rollUpAnalytics', {
      workflowId: `roll-up-${randomUUID()}`,
      taskQueue: rig.taskQueue,
      args: [],
    })
  const rolledThrough = async () => +((await readRolledThrough(rig.db)) ?? 0)
  /** The hours that a roll-up counts again, without those that have settled since the last one. */
  const recount = async () => {
    const before = await rolledThrough()
    const { hours } = await rollUp()
    return hours - ((await rolledThrough()) - before) / hourMs
  }

  it('counts hours that have ended, and again when an email of one receives more events', async () => {
    const thisHour = hourOf(Date.now())
    const settledBefore = () => hourOf(Date.now() - settlingMs)
    const range = { from: new Date(thisHour - 3 * hourMs), to: new Date(thisHour + 2 * hourMs) }
    const summary = () => readSummary(rig.db, range, {})
    const email = rig.email()
    await email.register()
    await rig.db.$executeRaw`UPDATE emails SET created_at = created_at - interval '2 hours'`
    const earliest = settledBefore()
    assert.deepEqual(await rollUp(), { hours: 1 })
    const through = await rolledThrough()
    assert.ok([earliest, settledBefore()].includes(through), `rolled up through ${new Date(through)}`)
    assert.equal((await summary()).delivered, 0)
    await email.apply(email.event('delivered'), email.event('opened', { human: true, occurredAt: Date.now() + 60_000 }))
    assert.equal(await recount(), 0, 'further late events may follow')
    await rig.db.$executeRaw`UPDATE analytics_dirty_hours SET due_at = now() - interval '1 second'`
    assert.equal(await recount(), 1)
    const { emails, delivered, openedByHuman } = await summary()
    assert.deepEqual([emails, delivered, openedByHuman], [1, 1, 1])
    assert.equal(await recount(), 0)
    const [domain] = await readBreakdown(rig.db, range, {}, 'domain', 10)
    assert.deepEqual([domain?.value, domain?.tally.delivered], ['example.com', 1])
  })

  it('counts no hour again because a transaction that began before all changes is still open', async () => {
    await rig.db.$executeRaw`DELETE FROM email_changes`
    await rig.db.$transaction(
      async (open) => {
        await open.$executeRaw`SELECT pg_current_xact_id()`
        await rig.email().register()
        await rig.db.$executeRaw`UPDATE emails SET created_at = created_at - interval '2 hours'`
        await rollUp()
        await rig.email().register()
        assert.equal(await recount(), 0)
        assert.equal(await recount(), 0)
      },
      { timeout: 30_000 },
    )
  })
})
