import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readEventMonths } from '../../src/db/event-months.ts'
import { recurringWork } from '../../src/temporal/recurring-work.ts'
import { ensureSchedules } from '../../src/temporal/schedules.ts'
import type { keepEventMonths } from '../../src/workflows/event-months.ts'
import { until } from '../until.ts'
import { Living } from './living.ts'

const dayMs = 86_400_000

describe('the workflow that keeps events by month', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  const run = (keptForMs: number | null) =>
    living.client.workflow.execute<typeof keepEventMonths>('keepEventMonths', {
      workflowId: `months-${randomUUID()}`,
      taskQueue: living.taskQueue,
      args: [{ keptForMs }],
    })
  const names = async () => (await readEventMonths(living.db)).map(({ name }) => name)

  /** As if the first month had ended so long ago: no clock of ours can be put forward, but its end can be put back. */
  async function endFirstMonth(daysAgo: number): Promise<void> {
    const ends = new Date(Date.now() - daysAgo * dayMs).toISOString()
    const { pool } = living.db
    for (const name of (await names()).slice(1)) await pool.query(`DROP TABLE event_months.${name}`)
    await pool.query('ALTER TABLE events DETACH PARTITION event_months.events_first')
    await pool.query(
      `ALTER TABLE events ATTACH PARTITION event_months.events_first FOR VALUES FROM (MINVALUE) TO ('${ends}')`,
    )
  }

  it('is started by its schedule, makes the months ahead, and drops none that is to be kept', async () => {
    const [work] = recurringWork({ payloadsAfterMs: 1, addressesAfterMs: 1, keptForMs: dayMs }).filter(
      ({ id }) => id === 'keep-event-months',
    )
    assert.ok(work)
    const id = `keep-event-months-${randomUUID()}`
    const before = await names()
    await living.db.pool.query(`DROP TABLE event_months.${before.at(-1)}`)
    await ensureSchedules(living.client, [{ ...work, id }], living.taskQueue)
    const schedule = living.client.schedule.getHandle(id)
    await schedule.trigger()
    await until(async () => (await names()).length === before.length)
    await schedule.delete()
    assert.deepEqual(await names(), before)
  })

  it('drops a month that is too old, but not while an event in it waits; the email stays', async () => {
    const email = living.email()
    const longAgo = Date.now() - 60 * dayMs
    await email.hear(email.event('delivered', { receivedAt: longAgo, occurredAt: longAgo }))
    await living.db.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      VALUES ('aisend', 'waiting', 'em_waiting', 'sent', now() - interval '60 days', now() - interval '60 days', '{}', 'infinity')`
    await endFirstMonth(40)
    assert.deepEqual((await run(30 * dayMs)).dropped, [])
    assert.deepEqual((await run(null)).dropped, [])
    await living.db.$executeRaw`UPDATE events SET applied_at = now() WHERE event_id = 'waiting'`
    const { dropped, forgotten } = await run(30 * dayMs)
    assert.deepEqual([dropped, forgotten], [['events_first'], 2])
    assert.equal((await email.row()).status, 'delivered')
    await email.hear(email.event('opened', { human: true }))
    assert.deepEqual([(await email.row()).status, (await email.row()).opensHuman], ['opened', 1])
  })
})
