import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { status } from '../../src/workflows/messages.ts'
import { until } from '../until.ts'
import { EmailRig, type RigEmail } from './email-rig.ts'

/** RESET_REAPPLY_EXCLUDE_TYPE_UPDATE in temporal/api/enums/v1/reset.proto. */
const updates = 2

describe('a run that is reset to a point before a person resolved its escalation', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  /** As `temporal workflow reset --event-id … --reapply-exclude Update`: the run loses the command, the database keeps it. */
  async function resetToBeforeTheCommand(email: RigEmail): Promise<void> {
    const events = (await email.handle().fetchHistory()).events ?? []
    const accepted = events.findIndex((event) => event.workflowExecutionUpdateAcceptedEventAttributes)
    const task = events.slice(0, accepted).findLast((event) => event.workflowTaskCompletedEventAttributes)
    const { runId } = await email.handle().describe()
    await rig.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: workflowIdOf(email), runId },
      reason: 'test',
      workflowTaskFinishEventId: task?.eventId ?? null,
      requestId: randomUUID(),
      resetReapplyExcludeTypes: [updates],
    })
    await until(async () => (await email.handle().describe()).runId !== runId)
  }

  const stateOf = async (email: RigEmail) => (await email.handle().query(status)).escalations[0]?.state

  async function resolvedAndReset(escalationRepeatAfterMs: number): Promise<RigEmail> {
    const email = rig.email({ escalationRepeatAfterMs })
    await email.register('critical')
    await email.apply(email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    await email.emailWorkflows.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' })
    await resetToBeforeTheCommand(email)
    return email
  }

  it('leaves the escalation resolved, and sends no second notice', async () => {
    const email = await resolvedAndReset(3_000)
    assert.equal(await stateOf(email), 'open', 'the run has lost the command')
    await until(async () => (await stateOf(email)) === 'resolved')
    const [escalation] = await email.escalations()
    assert.deepEqual([escalation?.state, escalation?.resolvedBy, escalation?.notices], ['resolved', 'ada', 1])
    assert.equal(email.notices().length, 1)
  })

  it('checks a command against the stored state, not its own', async () => {
    const email = await resolvedAndReset(3_600_000)
    const acknowledged = email.emailWorkflows.command(email, 'critical_bounce', { do: 'acknowledge', by: 'bob' })
    await assert.rejects(acknowledged, /already resolved/)
    assert.equal((await email.escalated('critical_bounce', 'resolved')).acknowledgedBy, null)
  })
})
