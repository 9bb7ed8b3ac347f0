import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { lookUpRecipientDomains } from '../../src/workflows/scheduled.ts'
import { EmailRig } from './email-rig.ts'

describe('the scheduled lookup of mailbox providers', () => {
  let rig: EmailRig
  beforeEach(async () => {
    rig = await EmailRig.start()
  })
  afterEach(() => rig.stop())

  it('knows the providers’ own domains, and asks no DNS where that is off, over several pages', async () => {
    await rig.db.$executeRaw`
      INSERT INTO email_recipients (provider, email_id, key, address, domain)
      SELECT 'aisend', 'em_' || n, 'key', 'ada@gmail.com', CASE WHEN n = 1 THEN 'gmail.com' ELSE 'd' || n || '.example' END
      FROM generate_series(1, 2500) AS n`
    const run = () =>
      rig.client.workflow.execute<typeof lookUpRecipientDomains>('lookUpRecipientDomains', {
        workflowId: `look-up-${randomUUID()}`,
        taskQueue: rig.taskQueue,
        args: [],
      })
    assert.deepEqual([await run(), await run()], [{ lookedUp: 0 }, { lookedUp: 0 }])
    assert.deepEqual(
      await rig.db.recipientDomain.findMany({
        where: { domain: { in: ['gmail.com', 'd2.example'] } },
        select: { domain: true, mailboxProvider: true },
      }),
      [{ domain: 'gmail.com', mailboxProvider: 'gmail' }],
    )
  })
})
