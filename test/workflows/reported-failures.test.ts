/** What becomes of reported inputs (test/providers/fixtures/reports.jsonl) in the whole system; the number before each is the report's. */
import assert from 'node:assert/strict'
import { adapterOf, parsed, parsedBySns } from '../providers/adapter.ts'
import { inputOf } from '../providers/reports.ts'
import { emptyTables } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig } from './email-rig.ts'

describe('reported failures', () => {
  let rig: EmailRig
  before(async () => {
    rig = await EmailRig.start()
  })
  after(() => rig.stop())
  // All reports are about the same people.
  beforeEach(() => emptyTables(rig.db, 'emails, events, suppressions'))

  /** Stores the events of a provider's bodies, and waits until they are applied. */
  async function apply(name: string, ...bodies: readonly unknown[]): Promise<void> {
    const read = name === 'ses' ? parsedBySns : parsed
    for (const body of bodies) await rig.append(...read(adapterOf(name), body))
    await until(async () => (await rig.db.event.count({ where: { appliedAt: null } })) === 0)
  }

  const suppressed = async () =>
    (await rig.db.suppression.findMany({ orderBy: { address: 'asc' } })).map(
      ({ address, reason }) => `${address} ${reason}`,
    )

  const statuses = async () => (await rig.db.email.findMany({ orderBy: { id: 'asc' } })).map(({ status }) => status)

  it('1: a late bounce without a message ID suppresses its address', async () => {
    await apply('sendgrid', inputOf<{ post: unknown }>(1, Date.now()).post)
    assert.deepEqual([await statuses(), await suppressed()], [['bounced'], ['ada@example.com hard_bounce']])
  })

  it('3: two soft bounces and a greylisting suppress nobody', async () => {
    const { steps } = inputOf<{ steps: readonly { post?: unknown }[] }>(3, Date.now())
    await apply('sendgrid', ...steps.flatMap(({ post }) => post ?? []).map((entry) => [entry]))
    assert.deepEqual([await statuses(), await suppressed()], [['failed', 'failed', 'deferred'], []])
  })

  it('4: automatic replies on three days leave the emails delivered, and suppress nobody', async () => {
    for (const days of [0, 2, 4]) {
      const day = Date.now() - days * 24 * 3_600_000
      const [events] = Object.values(inputOf<Record<string, unknown[]>>(4, Date.now(), day))
      await apply('ses', ...(events ?? []))
    }
    assert.deepEqual([await statuses(), await suppressed()], [['delivered', 'delivered', 'delivered'], []])
  })

  it('6: one bounce about two recipients suppresses the one that failed', async () => {
    await apply('ses', inputOf(6, Date.now()))
    assert.deepEqual(await suppressed(), ['ada@example.com hard_bounce'])
  })

  it('a final refusal by policy is over at once, and suppresses nobody', async () => {
    await apply('aisend', {
      type: 'bounced',
      data: { email_id: 'em_1', to: 'ada@example.com', message: '550 5.7.26 Unauthenticated email is not accepted' },
    })
    assert.deepEqual([await statuses(), await suppressed()], [['failed'], []])
  })
})
