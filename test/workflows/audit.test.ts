import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { AuditStatement } from '../../src/domain/agreement.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import type { EventHistory } from '../../src/providers/provider-api.ts'
import { createReconciliations } from '../../src/temporal/reconciliations.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import type { reconcile } from '../../src/workflows/reconcile.ts'
import { quietMetrics } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { emptyTables } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig, slowPolicy } from './email-rig.ts'

const hourMs = 3_600_000

/** Three events on a page. */
const recordOf = (events: readonly ReceivedEvent[]): EventHistory => ({
  ...{ retainedMs: 720 * hourMs, requestsPerSecond: 1_000, delayMs: 0 },
  async read(_, cursor) {
    const at = Number(cursor ?? 0)
    return { events: events.slice(at, at + 3), next: at + 3 < events.length ? String(at + 3) : null }
  },
})

describe('an audit', () => {
  let rig: EmailRig
  let inbox: RunningInbox
  before(async () => {
    rig = await EmailRig.start()
    const { client, taskQueue, db } = rig
    const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue, policy: slowPolicy })
    inbox = createInbox({ db, emailWorkflows, metrics: quietMetrics(), log: quietLog, relay: { pollEveryMs: 100 } })
  })
  after(async () => {
    await inbox.close()
    await rig.stop()
  })
  beforeEach(() => {
    rig.answers.clear()
    return emptyTables(rig.db, 'reconciliations, emails, events')
  })

  const emailId = () => `em_${randomUUID()}`
  /** An event of two hours ago. */
  const event = (id: string, type: string, parts: Partial<ReceivedEvent> = {}) =>
    receivedEvent({ emailId: id, type, id: `${type}_${id}`, occurredAt: Date.now() - 2 * hourMs, ...parts })
  const deliveryOf = (id: string) => [event(id, 'sent'), event(id, 'delivered')]

  /** They are known since two hours ago, so that the provider's record is not late. */
  const receive = async (...events: readonly ReceivedEvent[]) => {
    await inbox.append(events)
    await until(async () => (await rig.db.event.count({ where: { appliedAt: null, quarantinedReason: null } })) === 0)
    await rig.db.$executeRaw`UPDATE emails SET created_at = now() - interval '2 hours'`
  }

  const audit = async (isDryRun = false): Promise<AuditStatement & { id: string }> => {
    const id = `rec_${randomUUID()}`
    const window = { from: new Date(Date.now() - 24 * hourMs), to: new Date() }
    await rig.db.reconciliation.create({ data: { id, provider: 'aisend', kind: 'audit', ...window, isDryRun } })
    await rig.client.workflow.execute<typeof reconcile>('reconcile', {
      workflowId: id,
      taskQueue: rig.taskQueue,
      args: [{ provider: 'aisend' }],
    })
    const { statement, finishedAt } = await rig.db.reconciliation.findUniqueOrThrow({ where: { id } })
    assert.ok(finishedAt)
    assert.equal(await rig.db.auditedEvent.count(), 0)
    return { ...(statement as unknown as AuditStatement), id }
  }
  const differences = async (runId: string) =>
    Object.fromEntries(
      (await rig.db.auditDifference.findMany({ where: { runId } })).map(({ emailId: id, reason }) => [id, reason]),
    )

  it('finds what webhooks have missed, in a dry run without storing it, and then heals it', async () => {
    const [whole, half, lost] = [emailId(), emailId(), emailId()]
    const truth = [whole, half, lost].flatMap(deliveryOf)
    rig.history = recordOf(truth)
    await receive(...deliveryOf(whole), event(half, 'sent'))
    const dry = await audit(true)
    assert.deepEqual(dry.emails, { compared: 3, equal: 1, healed: 0, different: { missing_here: 2 } })
    assert.deepEqual(await differences(dry.id), { [half]: 'missing_here', [lost]: 'missing_here' })
    assert.equal(await rig.db.event.count(), 3)

    const healing = await audit()
    assert.deepEqual(healing.emails, { compared: 3, equal: 1, healed: 2, different: {} })
    assert.equal(healing.addresses, null)
    const states = await rig.db.email.findMany({ where: { id: { in: [half, lost] } } })
    assert.deepEqual(
      states.map(({ status }) => status),
      ['delivered', 'delivered'],
    )
    const found = await rig.db.event.findMany({ where: { foundBy: 'reconciling' } })
    assert.deepEqual(
      found.map(({ eventId }) => eventId).sort(),
      truth
        .slice(3)
        .map(({ id }) => id)
        .sort(),
    )
    assert.deepEqual((await audit()).emails, { compared: 3, equal: 3, healed: 0, different: {} })
  })

  it('says why an email still differs, and asks about it before it says so', async () => {
    const [late, kept, contrary, foreign, quarantined, unknown] = Array.from({ length: 6 }, emailId) as [
      ...[string, string, string, string, string, string],
    ]
    const bounce = { class: 'hard', code: '5.1.1', message: 'no such user' } as const
    const opened = event(quarantined, 'delivered')
    // The record has a late delivery elsewhere, and the answer about the email has it.
    rig.history = recordOf([event(late, 'sent'), event(contrary, 'delivered'), opened])
    rig.answers.set(late, deliveryOf(late))
    rig.answers.set(contrary, [event(contrary, 'delivered')])
    await receive(
      ...deliveryOf(late),
      ...deliveryOf(kept),
      event(contrary, 'delivered'),
      event(contrary, 'bounced', { bounce }),
      ...deliveryOf(foreign).map((each) => ({ ...each, account: 'eu' })),
      { ...opened, quarantinedReason: 'the workflow refused it' },
    )
    await inbox.register({
      ...{ provider: 'aisend', emailId: unknown, to: ['ada@example.com'], subject: null, tags: null },
      ...{ priority: null, as: 'sent' },
    })
    await receive()
    const { emails, id } = await audit()
    assert.deepEqual(await differences(id), {
      [kept]: 'not_kept',
      [contrary]: 'known_here_only',
      [foreign]: 'other_account',
      [quarantined]: 'quarantined',
      [unknown]: 'unknown_to_provider',
    })
    assert.deepEqual([emails?.compared, emails?.equal], [6, 1])
  })

  it('begins at once though another run is just ending', async () => {
    const events = deliveryOf(emailId())
    rig.history = recordOf(events)
    const { ask, start } = createReconciliations(rig.client, rig.taskQueue)
    const finishedOf = async (id: string) =>
      (await rig.db.reconciliation.findUnique({ where: { id } }))?.finishedAt ?? null
    await start('aisend')
    for (let number = 0; number < 5; number++) {
      // As soon as the run before has ended; its workflow may still be open.
      const window = { from: new Date(Date.now() - 24 * hourMs), to: new Date() }
      const data = [{ id: `rec_${number}`, provider: 'aisend', ...window }]
      await until(async () => (await rig.db.reconciliation.createMany({ data, skipDuplicates: true })).count === 1)
      await ask('aisend')
      await until(async () => (await finishedOf(`rec_${number}`)) !== null)
    }
    await rig.client.workflow.getHandle('reconcile/aisend').result()
  })

  it('asks about each email that is known here where the provider has no record of all', async () => {
    rig.history = undefined
    const [known, half] = [emailId(), emailId()]
    for (const id of [known, half]) rig.answers.set(id, deliveryOf(id))
    await receive(...deliveryOf(known), event(half, 'sent'))
    assert.deepEqual((await audit()).emails, { compared: 2, equal: 1, healed: 1, different: {} })
  })
})
