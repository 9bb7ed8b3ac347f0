import assert from 'node:assert/strict'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { EmailRig, type RigEmail } from './email-rig.ts'

describe('a person’s command with an ID', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const bounced = async (lingerAfterSettledMs: number): Promise<RigEmail> => {
    const email = rig.email({ lingerAfterSettledMs, escalationRepeatAfterMs: 3_600_000 })
    await email.register('critical')
    await email.apply(email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    return email
  }
  const resolve = (email: RigEmail, updateId: string) =>
    email.emailWorkflows.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' }, updateId)

  it('gets the outcome of the first one when it is repeated', async () => {
    const email = await bounced(3_600_000)
    const first = await resolve(email, 'one')
    assert.deepEqual(await resolve(email, 'one'), first)
    await assert.rejects(resolve(email, 'two'), CommandRefusedError)
  })

  it('gets that outcome also after the run that executed it has completed', async () => {
    const email = await bounced(1)
    const first = await resolve(email, 'one')
    await email.closed()
    assert.deepEqual(await resolve(email, 'one'), first)
  })
})
