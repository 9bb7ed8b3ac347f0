import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { type EventHistory, ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import type { reconcile } from '../../src/workflows/reconcile.ts'
import { quietMetrics } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { until } from '../until.ts'
import { EmailRig, slowPolicy } from './email-rig.ts'

const pageSize = 2

/** A record of events, two on a page. */
class Record implements EventHistory {
  readonly retainedMs = 30 * 24 * 3_600_000
  readonly requestsPerSecond = 100
  readonly delayMs = 0
  readonly asked: (string | null)[] = []
  readonly windows: { from: number; to: number }[] = []
  readonly events: readonly ReceivedEvent[]
  /** Called before each page is answered. */
  before: (cursor: string | null) => Promise<void> = async () => {}

  constructor(events: readonly ReceivedEvent[]) {
    this.events = events
  }

  async read(window: { from: number; to: number }, cursor: string | null) {
    this.asked.push(cursor)
    this.windows.push(window)
    await this.before(cursor)
    const at = Number(cursor ?? 0)
    const next = at + pageSize < this.events.length ? String(at + pageSize) : null
    return { events: this.events.slice(at, at + pageSize), next }
  }
}

describe('reconciling with a provider', () => {
  let rig: EmailRig
  let inbox: RunningInbox
  before(async () => {
    rig = await EmailRig.start()
    const emailWorkflows = createTemporalEmailWorkflows({
      client: rig.client,
      taskQueue: rig.taskQueue,
      policy: slowPolicy,
    })
    inbox = createInbox({
      db: rig.db,
      emailWorkflows,
      metrics: quietMetrics(),
      log: quietLog,
      relay: { pollEveryMs: 100 },
    })
  })
  after(async () => {
    await inbox.close()
    await rig.stop()
  })
  beforeEach(() => rig.db.$executeRaw`TRUNCATE reconciliations`)

  const run = () =>
    rig.client.workflow.start<typeof reconcile>('reconcile', {
      workflowId: `reconcile-${randomUUID()}`,
      taskQueue: rig.taskQueue,
      args: [{ provider: 'aisend' }],
    })
  const result = async () => (await run()).result()

  /** Five emails that were sent and delivered. */
  const historyOf = () =>
    Array.from({ length: 5 }, () => `em_${randomUUID()}`).flatMap((emailId) =>
      (['sent', 'delivered'] as const).map((type) => receivedEvent({ emailId, type, id: `${type}_${emailId}` })),
    )
  const stored = (events: readonly ReceivedEvent[]) =>
    rig.db.event.count({ where: { eventId: { in: events.map(({ id }) => id) } } })
  const delivered = (events: readonly ReceivedEvent[]) =>
    rig.db.email.count({ where: { id: { in: events.map(({ emailId }) => emailId) }, status: 'delivered' } })

  it('stores what webhooks have missed, which their emails’ workflows apply; nothing counts twice', async () => {
    const events = historyOf()
    const record = new Record(events)
    rig.history = record
    await inbox.append(events.filter((_, index) => index % 3 === 0))
    assert.deepEqual(await result(), { compared: 10, missing: 6 })
    await until(async () => (await delivered(events)) === 5)
    // Their webhooks come after all, in disorder.
    assert.deepEqual(await inbox.append(events.toReversed()), { received: 0, duplicates: 10 })
    assert.equal(await stored(events), 10)
    assert.deepEqual(await result(), { compared: 10, missing: 0 })
    const [first, second] = [record.windows[0], record.windows.at(-1)]
    assert.ok(first && second && second.from < first.to && second.to > first.to, 'the windows overlap')
  })

  it('does not store what a webhook has reported, where the record has identities of its own', async () => {
    const [sent, ...others] = historyOf()
    assert.ok(sent)
    await inbox.append([sent])
    const own = [sent, ...others].map((event) => ({ ...event, id: `reconcile:${event.emailId}:${event.type}` }))
    rig.history = new Record(own)
    assert.deepEqual(await result(), { compared: 10, missing: 9 })
  })

  it('goes on from its cursor when the worker is stopped in the middle', async () => {
    const events = historyOf()
    const record = new Record(events)
    rig.history = record
    const reached = new Promise<void>((resolve) => {
      record.before = async (cursor) => {
        if (cursor !== '4') return
        record.before = async () => {}
        resolve()
        throw new ProviderUnreachableError('no answer')
      }
    })
    const handle = await run()
    await reached
    await rig.stopWorker()
    await rig.startWorker()
    assert.deepEqual(await handle.result(), { compared: 6, missing: 6 }, 'of the attempt that ended the run')
    const row = await rig.db.reconciliation.findFirstOrThrow()
    assert.deepEqual([row.compared, row.missing, row.emails, row.cursor], [10, 10, 5, null])
    assert.deepEqual(record.asked, [null, '2', '4', '4', '6', '8'])
  })

  it('stores nothing in a dry run, and does not move the end of the last window', async () => {
    const events = historyOf()
    rig.history = new Record(events)
    const [from, to] = [new Date(Date.now() - 60_000), new Date()]
    const asked = { provider: 'aisend', from, to, isDryRun: true, startedBy: 'ada' }
    await rig.db.reconciliation.create({ data: { id: 'rec_dry', ...asked } })
    assert.deepEqual(await result(), { compared: 10, missing: 10 })
    assert.equal(await stored(events), 0)
    assert.deepEqual(await result(), { compared: 10, missing: 10 })
    assert.equal(await stored(events), 10)
  })

  it('ends with the reason when the key is refused, and tries the same window again later', async () => {
    const record = new Record(historyOf())
    rig.history = record
    record.before = async () => {
      throw new ProviderRefusedError('AISend refuses the API key with 401: check AISEND_API_KEY')
    }
    await assert.rejects(result())
    const failed = await rig.db.reconciliation.findFirstOrThrow()
    assert.match(failed.failure ?? '', /check AISEND_API_KEY/)
    record.before = async () => {}
    assert.equal((await result()).missing, 10)
    const [first, second] = [record.windows[0], record.windows.at(-1)]
    assert.ok(first && second && Math.abs(first.from - second.from) < 60_000)
  })

  it('has a workflow for each provider with a record, one at a time', async () => {
    rig.history = new Record([])
    const start = () =>
      rig.client.workflow.execute('reconcileProviders', {
        workflowId: `reconcile-providers-${randomUUID()}`,
        taskQueue: rig.taskQueue,
        args: [],
      })
    assert.deepEqual(await start(), { started: ['aisend'] })
    await rig.client.workflow.getHandle('reconcile/aisend').result()
    rig.history = undefined
    assert.deepEqual(await start(), { started: [] })
  })
})
