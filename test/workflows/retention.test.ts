import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { eraseByAge } from '../../src/workflows/retention.ts'
import { Living } from './living.ts'

describe('the workflow that erases by age', () => {
  let living: Living
  before(async () => {
    living = await Living.begin()
  })
  after(() => living.end())

  const run = (payloadsAfterMs: number, addressesAfterMs: number) =>
    living.client.workflow.execute<typeof eraseByAge>('eraseByAge', {
      workflowId: `retention-${randomUUID()}`,
      taskQueue: living.taskQueue,
      args: [{ payloadsAfterMs, addressesAfterMs }],
    })

  it('erases payloads first and addresses later, and a life goes on', async () => {
    const email = living.email()
    await email.register()
    await email.hear(email.event('sent', { subject: 'A secret' }), email.event('delivered'))
    assert.deepEqual(await run(3_600_000, 3_600_000), { payloads: 0, events: 0, emails: 0 })
    assert.deepEqual(await run(1, 3_600_000), { payloads: 2, events: 0, emails: 0 })
    const { events, emails } = await run(1, 1)
    assert.deepEqual([events, emails], [2, 1])
    await email.hear(email.event('opened', { human: true, subject: 'A secret', payload: '{"to":"ada@example.com"}' }))
    const { status, to, subject, opensHuman } = await email.row()
    assert.deepEqual([status, to, subject, opensHuman], ['opened', ['erased'], null, 1])
    const rows = await living.db.event.findMany({ where: { emailId: email.emailId } })
    assert.doesNotMatch(JSON.stringify(rows), /ada@|secret/)
  })
})
