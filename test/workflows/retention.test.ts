import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { eraseByAge } from '../../src/workflows/scheduled.ts'
import { emptyTables } from '../stack.ts'
import { EmailRig } from './email-rig.ts'

describe('the workflow that erases by age', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const run = (payloadsAfterMs: number, addressesAfterMs: number) => {
    Object.assign(rig.retention, { payloadsAfterMs, addressesAfterMs })
    return rig.client.workflow.execute<typeof eraseByAge>('eraseByAge', {
      workflowId: `retention-${randomUUID()}`,
      taskQueue: rig.taskQueue,
    })
  }

  it('erases nothing sooner because whoever started the workflow says so', async () => {
    const email = rig.email()
    await email.apply(email.event('sent', { subject: 'A secret' }))
    const start = (workflow: string, ...args: unknown[]) =>
      rig.client.workflow.execute(workflow, { workflowId: randomUUID(), taskQueue: rig.taskQueue, args })
    const erased = await start('eraseByAge', { payloadsAfterMs: 1, addressesAfterMs: 1 })
    assert.deepEqual(erased, { payloads: 0, events: 0, emails: 0 })
    const { dropped } = (await start('keepEventMonths', { keptForMs: -40 * 86_400_000 })) as { dropped: string[] }
    assert.deepEqual(dropped, [])
    await emptyTables(rig.db, 'events, emails')
  })

  it('erases payloads first and addresses later, and the email’s workflow continues', async () => {
    const email = rig.email()
    await email.register()
    await email.apply(email.event('sent', { subject: 'A secret' }), email.event('delivered'))
    assert.deepEqual(await run(3_600_000, 3_600_000), { payloads: 0, events: 0, emails: 0 })
    assert.deepEqual(await run(1, 3_600_000), { payloads: 2, events: 0, emails: 0 })
    const { events, emails } = await run(1, 1)
    // The registration too: it holds the email’s recipients.
    assert.deepEqual([events, emails], [3, 1])
    await email.apply(email.event('opened', { human: true, subject: 'A secret', payload: '{"to":"ada@example.com"}' }))
    const { status, to, subject, opensHuman } = await email.row()
    assert.deepEqual([status, to, subject, opensHuman], ['opened', ['erased'], null, 1])
    const rows = await rig.db.event.findMany({ where: { emailId: email.emailId } })
    assert.doesNotMatch(JSON.stringify(rows), /ada@|secret/)
  })
})
