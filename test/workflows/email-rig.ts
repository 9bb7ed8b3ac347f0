import { randomUUID } from 'node:crypto'
import type { Client, WorkflowExecutionInfo } from '@temporalio/client'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createScheduledActivities } from '../../src/activities/create-scheduled-activities.ts'
import type { Retention } from '../../src/activities/dependencies.ts'
import type { MailboxActivities, MailboxRead } from '../../src/activities/mailbox-activities.ts'
import { createReconcileActivities } from '../../src/activities/reconcile-activities.ts'
import { readConfig } from '../../src/config.ts'
import { readInboxFigures } from '../../src/db/events.ts'
import type { EmailKey, LifecycleEvent, Priority, ReceivedEvent } from '../../src/domain/events.ts'
import { type IncidentReason, incidentIn } from '../../src/domain/incident.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { WorkflowBusyError } from '../../src/errors.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { SupportChannel, SupportNotice } from '../../src/notifications/channel.ts'
import type { EventHistory, SuppressionLists } from '../../src/providers/provider-api.ts'
import { connectWorker, createTemporalClient, type TemporalTarget } from '../../src/temporal/connection.ts'
import { type EmailWorkflows, workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { createEndpointWorkflows } from '../../src/temporal/endpoints.ts'
import { createTemporalIncidents, incidentWorkflowIdOf } from '../../src/temporal/incidents.ts'
import { createReconciliations } from '../../src/temporal/reconciliations.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import type { watchForIncidents } from '../../src/workflows/scheduled.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'

/** Every duration is longer than a test. Each test shortens those that it is about. */
export const slowPolicy: LifecyclePolicy = {
  stallAfterMs: { critical: 3_600_000, normal: 3_600_000, bulk: 3_600_000 },
  escalationRepeatAfterMs: 3_600_000,
  lingerAfterSettledMs: 3_600_000,
  giveUpAfterMs: 3_600_000,
}

/** The policy of the search for overdue emails, and of the workflows that it starts: they stall at once. */
const stallAtOnce: LifecyclePolicy = { ...slowPolicy, stallAfterMs: { critical: 1, normal: 1, bulk: 1 } }

export const stallAfter = (ms: number) => ({ stallAfterMs: { critical: ms, normal: ms, bulk: ms } })

/** What a call of `readMailbox` has read: nothing but this. */
export const mailboxRead = (given: Partial<MailboxRead>): MailboxRead => ({
  ...{ nextInMs: 0, mails: 0, received: 0, duplicates: 0, reports: 0, skipped: 0 },
  ...given,
})

/** The events that the provider returns when it is asked about an email, or its error; undefined: no events. */
type ProviderAnswer = ReceivedEvent[] | Error | undefined

/** A whole system on real servers. The test plays the provider and the notice channel. */
export class EmailRig {
  readonly notices: SupportNotice[] = []
  /** Of the worker. The first is the notice channel; {@link follow} adds another one. */
  readonly channels: SupportChannel[] = []
  /** If set, the notice channel throws it instead of accepting a notice. */
  channelError: Error | null = null
  /** As the worker is configured; changed by the tests that are about it. */
  readonly retention: { -readonly [name in keyof Retention]: Retention[name] } = { ...readConfig({}).retention }
  /** The provider's own record, to be compared with ours; undefined: it has none. */
  history: EventHistory | undefined
  /** The provider's own suppression lists; undefined: they cannot be read. */
  lists: SuppressionLists | undefined
  /** By email ID. */
  readonly answers = new Map<string, ProviderAnswer>()
  /** What each next look into the mailbox `reports` finds; after the last, it is no longer configured. */
  readonly mailboxReads: MailboxRead[] = []
  readonly #database: TestDatabase
  readonly client: Client
  readonly target: TemporalTarget
  readonly taskQueue = `test-${randomUUID()}`
  readonly #inboxes: RunningInbox[] = []
  #stopWorker: () => Promise<void> = async () => {}

  private constructor(database: TestDatabase, client: Client, target: TemporalTarget) {
    this.#database = database
    this.client = client
    this.target = target
  }

  static async start({ temporalAddress }: { temporalAddress?: string } = {}): Promise<EmailRig> {
    const [database, address] = await Promise.all([testDatabase(), temporalAddress ?? testTemporal()])
    quietTemporalRuntime()
    const target = { address, namespace: 'default', security: {} }
    const rig = new EmailRig(database, createTemporalClient(target), target)
    await rig.startWorker()
    return rig
  }

  get db() {
    return this.#database.db
  }

  /** `start()` has started one: call {@link stopWorker} first. */
  async startWorker(): Promise<void> {
    const connection = await connectWorker(this.target)
    const channel: SupportChannel = {
      name: 'webhook',
      send: async (notice) => {
        if (this.channelError) throw this.channelError
        this.notices.push(notice)
      },
    }
    this.channels.splice(0, 1, channel)
    const activities = createActivities({
      db: this.db,
      channels: this.channels,
      providerApis: new Map([['aisend', { fetchEvents: ({ emailId }) => this.#answer(emailId) }]]),
      metrics: createMetrics(() => readInboxFigures(this.db)),
    })
    const rig = this
    const reconciling = createReconcileActivities({
      db: this.db,
      providerApis: new Map([
        [
          'aisend',
          {
            fetchEvents: ({ emailId }: { readonly emailId: string }) => rig.#answer(emailId),
            get history() {
              return rig.history as EventHistory
            },
            get suppressionLists() {
              return rig.lists as SuppressionLists
            },
          },
        ],
      ]),
      startReconcile: (provider) => createReconciliations(this.client, this.taskQueue).start(provider),
      clock: Date.now,
    })
    const scheduled = createScheduledActivities({
      db: this.db,
      emailWorkflows: this.#workflowsWith(stallAtOnce),
      policy: stallAtOnce,
      alarms: readConfig({}).alarms,
      channels: [channel.name],
      endpointWorkflows: createEndpointWorkflows(this.client, this.taskQueue),
      mailServers: null,
      teamChannels: this.channels,
      retention: this.retention,
      startReconcile: async () => false,
      incidents: createTemporalIncidents({ client: this.client, taskQueue: this.taskQueue, policy: slowPolicy }),
    })
    const mailboxes: MailboxActivities = {
      configuredMailboxes: async () => ['reports'],
      readMailbox: async () => this.mailboxReads.shift() ?? mailboxRead({ nextInMs: null }),
    }
    const options = {
      connection,
      namespace: 'default',
      taskQueue: this.taskQueue,
      activities: { ...activities, ...scheduled, ...reconciling, ...mailboxes },
    }
    const worker = await createLifecycleWorker(options)
    const running = worker.run()
    this.#stopWorker = async () => {
      worker.shutdown()
      await running
      await connection.close()
      this.#stopWorker = async () => {}
    }
  }

  stopWorker = (): Promise<void> => this.#stopWorker()

  /** Adds a channel whose messages follow their escalations, until `end`. */
  follow() {
    const shown: { escalationId: string; state: string }[] = []
    const following = {
      shown,
      /** If set, the channel throws it instead of showing a change. */
      error: null as Error | null,
      /** How often it has thrown it. */
      failures: 0,
      end: () => void this.channels.splice(1, 1),
    }
    this.channels.push({
      name: 'oncall',
      async send() {},
      async showState({ escalationId, state }) {
        if (following.error) {
          following.failures += 1
          throw following.error
        }
        shown.push({ escalationId, state })
        return null
      },
    })
    return following
  }

  async #answer(emailId: string): Promise<ReceivedEvent[]> {
    const answer = this.answers.get(emailId) ?? []
    if (answer instanceof Error) throw answer
    return answer
  }

  /** A new email, whose workflow has {@link slowPolicy} with these changes. */
  email(policy: Partial<LifecyclePolicy> = {}, emailId = `em_${randomUUID()}`): RigEmail {
    const emailWorkflows = this.#workflowsWith({ ...slowPolicy, ...policy })
    const metrics = createMetrics(() => readInboxFigures(this.db))
    const inbox = createInbox({
      db: this.db,
      emailWorkflows,
      metrics,
      log: quietLog,
      relay: { pollEveryMs: 3_600_000 },
    })
    this.#inboxes.push(inbox)
    return new RigEmail(this, emailWorkflows, inbox, emailId)
  }

  /** Stores and signals events of any provider and email. */
  async append(...events: readonly ReceivedEvent[]): Promise<void> {
    await this.email().append(...events)
  }

  #workflowsWith = (policy: LifecyclePolicy): EmailWorkflows =>
    createTemporalEmailWorkflows({ client: this.client, taskQueue: this.taskQueue, policy })

  /** Runs the scheduled watch for incidents once. */
  watchForIncidents = () =>
    this.client.workflow.execute<typeof watchForIncidents>('watchForIncidents', {
      workflowId: `watch-${randomUUID()}`,
      taskQueue: this.taskQueue,
      args: [],
    })

  /** Ends the workflows of incidents: other tests use the same workflow IDs, and would find the open workflows. */
  async terminateIncidents(): Promise<void> {
    for (const { reason, emailId, provider } of await this.db.escalation.findMany()) {
      const incident = incidentIn({ provider, emailId })
      if (!incident) continue
      const id = incidentWorkflowIdOf({ reason: reason as IncidentReason, scope: incident.scope })
      await this.client.workflow
        .getHandle(id)
        .terminate()
        .catch(() => {})
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#inboxes.map((inbox) => inbox.close()))
    await this.#stopWorker()
    await this.client.connection.close()
    await this.#database.drop()
  }
}

/** One email, with its provider, its application, its notices, and its rows in the database. */
export class RigEmail implements EmailKey {
  readonly provider = 'aisend'
  readonly emailId: string
  readonly emailWorkflows: EmailWorkflows
  readonly #rig: EmailRig
  readonly #inbox: RunningInbox
  #count = 0

  constructor(rig: EmailRig, emailWorkflows: EmailWorkflows, inbox: RunningInbox, emailId: string) {
    this.#rig = rig
    this.emailWorkflows = emailWorkflows
    this.#inbox = inbox
    this.emailId = emailId
  }

  /** A new event of this email. */
  event(type: string, parts: Partial<ReceivedEvent> = {}): ReceivedEvent {
    this.#count += 1
    return receivedEvent({ emailId: this.emailId, id: `${this.emailId}/${this.#count}`, type, ...parts })
  }

  hardBounce = (parts: Partial<ReceivedEvent> = {}): ReceivedEvent =>
    this.event('bounced', { bounce: { class: 'hard', code: '5.1.1', message: 'no such user' }, ...parts })

  /** Stores and signals events, also of other emails. */
  async append(...events: readonly ReceivedEvent[]): Promise<void> {
    await this.#inbox.append(events)
  }

  /** Stores and signals events, and waits until they are applied. */
  async apply(...events: ReceivedEvent[]): Promise<void> {
    await this.append(...events)
    await this.untilApplied()
  }

  /** Signals events without storing them. As the relay does, again where the workflow is just closing. */
  async signal(...events: LifecycleEvent[]): Promise<void> {
    const isSignalled = () =>
      this.emailWorkflows.signal(this, events, null).then(
        () => true,
        (error) => {
          if (error instanceof WorkflowBusyError) return false
          throw error
        },
      )
    await until(isSignalled)
  }

  async register(priority: Priority | null = null, to = ['ada@example.com']): Promise<void> {
    const { provider, emailId } = this
    await this.#inbox.register({ provider, emailId, to, subject: 'A secret', tags: null, priority, as: 'sent' })
    await this.untilApplied()
  }

  /** Waits until every event of this email is applied. */
  untilApplied = (): Promise<void> =>
    until(async () => (await this.#rig.db.event.count({ where: { emailId: this.emailId, appliedAt: null } })) === 0)

  row = () =>
    this.#rig.db.email.findUniqueOrThrow({ where: { id_provider: { id: this.emailId, provider: this.provider } } })

  escalations = () =>
    this.#rig.db.escalation.findMany({ where: { emailId: this.emailId }, orderBy: { openedAt: 'asc' } })

  /** Waits for an escalation in this state. */
  async escalated(reason: string, state: string): Promise<Awaited<ReturnType<RigEmail['escalations']>>[number]> {
    const found = async () => (await this.escalations()).find((it) => it.reason === reason && it.state === state)
    await until(async () => (await found()) !== undefined)
    const escalation = await found()
    if (!escalation) throw new Error(`${reason} is not ${state} any more`)
    return escalation
  }

  notices = (): SupportNotice[] => this.#rig.notices.filter(({ emailId }) => emailId === this.emailId)

  /** @param runId Default: the last run. */
  handle = (runId?: string) => this.#rig.client.workflow.getHandle(workflowIdOf(this), runId)

  /** Its runs, the last one first. Temporal lists a new run with a delay. */
  async runs(): Promise<WorkflowExecutionInfo[]> {
    const runs: WorkflowExecutionInfo[] = []
    for await (const run of this.#rig.client.workflow.list({ query: `WorkflowId = "${workflowIdOf(this)}"` }))
      runs.push(run)
    return runs
  }

  /** Waits until the run that is open now has closed. */
  closed = (): Promise<void> => until(async () => (await this.handle().describe()).status.name === 'COMPLETED')
}
