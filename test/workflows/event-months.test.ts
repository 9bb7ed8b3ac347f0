import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createEventMonths, readEventMonths } from '../../src/db/event-months.ts'
import { scheduledJobs } from '../../src/temporal/scheduled-jobs.ts'
import { ensureSchedules } from '../../src/temporal/schedules.ts'
import type { keepEventMonths } from '../../src/workflows/scheduled.ts'
import { endFirstMonth } from '../db/end-first-month.ts'
import { until } from '../until.ts'
import { EmailRig } from './email-rig.ts'

const dayMs = 86_400_000

describe('the workflow that keeps events by month', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
    // The template may have been made in the month before.
    await createEventMonths(rig.db)
  })
  after(() => rig.stop())

  const run = (keptForMs: number | null) => {
    rig.retention.keptForMs = keptForMs
    return rig.client.workflow.execute<typeof keepEventMonths>('keepEventMonths', {
      workflowId: `months-${randomUUID()}`,
      taskQueue: rig.taskQueue,
    })
  }
  const names = async () => (await readEventMonths(rig.db)).map(({ name }) => name)

  it('is started by its schedule, creates the next months, and drops none within the retention', async () => {
    const job = scheduledJobs.find(({ id }) => id === 'keep-event-months')
    assert.ok(job)
    const id = `keep-event-months-${randomUUID()}`
    const before = await names()
    await rig.db.pool.query(`DROP TABLE ${before.at(-1)}`)
    await ensureSchedules(rig.client, [{ ...job, id }], rig.taskQueue)
    const schedule = rig.client.schedule.getHandle(id)
    await schedule.trigger()
    await until(async () => (await names()).length === before.length)
    await schedule.delete()
    assert.deepEqual(await names(), before)
  })

  it('drops a month past its retention, but not while one of its events is pending; the email stays', async () => {
    const email = rig.email()
    const longAgo = Date.now() - 60 * dayMs
    await email.apply(email.event('delivered', { receivedAt: longAgo, occurredAt: longAgo }))
    await rig.db.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      VALUES ('aisend', 'waiting', 'em_waiting', 'sent', now() - interval '60 days', now() - interval '60 days', '{}', 'infinity')`
    await endFirstMonth(rig.db, 40)
    assert.deepEqual((await run(30 * dayMs)).dropped, [])
    assert.deepEqual((await run(null)).dropped, [])
    await rig.db.$executeRaw`UPDATE events SET applied_at = now() WHERE event_id = 'waiting'`
    const [first] = await names()
    const { dropped, forgotten } = await run(30 * dayMs)
    assert.deepEqual([dropped, forgotten], [[first], 2])
    assert.equal((await email.row()).status, 'delivered')
    await email.apply(email.event('opened', { human: true }))
    assert.deepEqual([(await email.row()).status, (await email.row()).opensHuman], ['opened', 1])
  })
})
