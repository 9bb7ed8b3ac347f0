import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import { unclaimAll } from '../db/stored.ts'
import { assertAppliedOnce, opensOf } from '../inbox/instance.ts'
import { isLong } from './form.ts'
import { Rig } from './rig.ts'

const [events, emails] = [20_000, 1_000]

/** The short form is the inbox's own: `test/inbox/crash.test.ts`, "is swept by two instances at once". */
const describeLong = isLong ? describe : describe.skip

describeLong('faults: a backlog after a long outage', function () {
  this.timeout(400_000)
  let rig: Rig
  before(async () => {
    rig = await Rig.start({ apis: 1, workers: 1 })
  })
  after(() => rig.stop())

  /** @returns events applied per second, from the moment when all of them may be claimed. */
  const drain = async (run: string): Promise<number> => {
    const backlog = opensOf(run, emails, events)
    for (let start = 0; start < events; start += 1_000) {
      await insertEvents(rig.db, backlog.slice(start, start + 1_000))
      await rig.db.$executeRaw`UPDATE events SET lease_until = now() + interval '10 minutes' WHERE applied_at IS NULL`
    }
    await unclaimAll(rig.db)
    const startedAt = performance.now()
    await assertAppliedOnce(
      rig.db,
      backlog.map(({ id }) => id),
      180_000,
    )
    return (events / (performance.now() - startedAt)) * 1_000
  }

  it('is claimed by three APIs and two workers: each event counts once, and they do not block each other', async () => {
    const one = await drain('one')
    await Promise.all([rig.add('api'), rig.add('api'), rig.add('worker')])
    const several = await drain('several')
    console.log(
      `      ${events} events of ${emails} emails: ${Math.round(one)} a second by one API and one worker, ` +
        `${Math.round(several)} by three and two`,
    )
    assert.equal(await rig.failedWorkflows(), 0)
    // One of each fills two cores beside the servers: there, more cannot be faster, only not much slower.
    assert.ok(several > one / 2, 'they claim the same events')
  })
})
