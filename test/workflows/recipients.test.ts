import assert from 'node:assert/strict'
import { until } from '../until.ts'
import { EmailRig, type RigEmail, stallAfter } from './email-rig.ts'

const [ada, bob] = ['ada@example.com', 'bob@example.net']

describe('an email to several recipients', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  const about = (recipient: string) => ({ to: [ada, bob], recipient })
  const recipientsOf = async ({ emailId }: RigEmail) =>
    (await rig.db.emailRecipient.findMany({ where: { emailId, key: { not: '' } }, orderBy: { address: 'asc' } })).map(
      ({ address, status, opensTotal }) => [address, status, opensTotal],
    )

  it('is delivered when each of them has it, and has a row for each, also with its late opens', async () => {
    const email = rig.email()
    await email.register(null, [ada, bob])
    await email.apply(email.event('delivered', about(ada)))
    assert.equal((await email.row()).status, 'partly_delivered')
    await email.apply(email.event('delivered', about(bob)))
    assert.equal((await email.row()).status, 'delivered')
    await email.apply(email.event('opened', { ...about(bob), human: true }))
    assert.deepEqual(await recipientsOf(email), [
      [ada, 'delivered', 0],
      [bob, 'opened', 1],
    ])
    assert.equal((await email.row()).opensTotal, 1)
  })

  it('stalls while one of them is silent, says how many have it, and is resolved by the last delivery', async () => {
    const email = rig.email(stallAfter(300))
    await email.register(null, [ada, bob])
    await email.apply(email.event('delivered', about(ada)))
    const { detail } = await email.escalated('stalled', 'open')
    assert.match(detail, /It was delivered to 1 of 2 recipients\.$/)
    await email.apply(email.event('delivered', about(bob)))
    await email.escalated('stalled', 'resolved')
  })

  it('is continued from its rows by a later run, with the facts of each', async () => {
    const email = rig.email({ lingerAfterSettledMs: 1 })
    await email.register(null, [ada, bob])
    await email.apply(email.event('delivered', about(ada)), email.event('delivered', about(bob)))
    await email.closed()
    await email.apply(email.event('complained', about(bob)))
    await until(async () => (await email.row()).status === 'complained')
    assert.deepEqual(await recipientsOf(email), [
      [ada, 'delivered', 0],
      [bob, 'complained', 0],
    ])
  })
})
