import assert from 'node:assert/strict'
import type { Email } from '../../src/db/generated/client.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import { store } from '../db/stored.ts'
import { until } from '../until.ts'
import { EmailRig, type RigEmail } from './email-rig.ts'

describe('an email whose last save was lost in a failover', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())

  /** Restores the row, or deletes it, and marks the events unapplied: the state of a standby that lagged behind. */
  async function lose(before: Email | null, ...lost: ReceivedEvent[]): Promise<void> {
    for (const { provider, emailId, id: eventId } of lost) {
      const id_provider = { id: emailId, provider }
      await rig.db.event.updateMany({ where: { provider, eventId }, data: { appliedAt: null } })
      const { metadata, registeredMetadata, ...columns } = before ?? {}
      if (before) await rig.db.email.update({ where: { id_provider }, data: columns })
      else await rig.db.email.deleteMany({ where: { id: emailId } })
    }
  }

  /** As the relay does with events that are not applied in time. */
  const signalAgain = (email: RigEmail, ...events: ReceivedEvent[]) =>
    email.signal(...events.map((event) => lifecycleEventOf(event)))

  const opensOf = async (email: RigEmail) => (await email.row()).opensTotal

  it('applies a lost event when it is signalled again, though this run has applied it before', async () => {
    const email = rig.email()
    await email.apply(email.event('sent'))
    const before = await email.row()
    const open = email.event('opened')
    await email.apply(open)
    await lose(before, open)
    assert.equal(await opensOf(email), 0)
    await signalAgain(email, open)
    await email.untilApplied()
    assert.equal(await opensOf(email), 1)
  })

  it('applies it also together with a new event, or after one', async () => {
    for (const isTogether of [true, false]) {
      const email = rig.email()
      await email.apply(email.event('sent'))
      const before = await email.row()
      const [open, another] = [email.event('opened'), email.event('opened')]
      await email.apply(open)
      await lose(before, open)
      await store(rig.db, another)
      await signalAgain(email, ...(isTogether ? [open, another] : [another]))
      const isApplied = async () =>
        (await rig.db.event.count({ where: { eventId: another.id, appliedAt: null } })) === 0
      await until(isApplied)
      if (!isTogether) await signalAgain(email, open)
      await email.untilApplied()
      assert.equal(await opensOf(email), 2)
    }
  })

  it('builds the row again when all of it was lost, and counts nothing twice', async () => {
    const email = rig.email()
    const [sent, open, another] = [email.event('sent'), email.event('opened'), email.event('opened')]
    await email.apply(sent, open)
    await lose(null, sent, open)
    await store(rig.db, another)
    await signalAgain(email, another)
    await until(async () => (await rig.db.email.count({ where: { id: email.emailId, revision: 1 } })) === 1)
    assert.equal(await opensOf(email), 1, 'the row has only applied events')
    await signalAgain(email, sent, open)
    await email.untilApplied()
    const row = await email.row()
    assert.deepEqual([row.status, row.opensTotal, row.sentAt !== null], ['opened', 2, true])
  })

  it('drops a repeat of an applied event', async () => {
    const email = rig.email()
    const open = email.event('opened')
    await email.apply(email.event('sent'), open)
    await signalAgain(email, open)
    await email.apply(email.event('opened'))
    assert.equal(await opensOf(email), 2)
  })
})
