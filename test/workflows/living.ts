import { randomUUID } from 'node:crypto'
import type { Client, WorkflowExecutionInfo } from '@temporalio/client'
import { createActivities } from '../../src/activities/create-activities.ts'
import { createRecurringActivities } from '../../src/activities/create-recurring-activities.ts'
import { readConfig } from '../../src/config.ts'
import { readInboxFigures } from '../../src/db/events.ts'
import type { EmailKey, Priority, ReceivedEvent } from '../../src/domain/events.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createMetrics } from '../../src/metrics.ts'
import type { SupportChannel, SupportNotice } from '../../src/notify/support.ts'
import { connectWorker, createTemporalClient } from '../../src/temporal/connection.ts'
import { createTemporalIncidents } from '../../src/temporal/incidents.ts'
import { type Lives, workflowIdOf } from '../../src/temporal/lives.ts'
import { createTemporalLives } from '../../src/temporal/temporal-lives.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { receivedEvent } from '../received-event.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'

/** Long enough that nothing happens by itself; each test shortens what it is about. */
const patient: LifecyclePolicy = {
  stallAfterMs: { critical: 3_600_000, normal: 3_600_000, bulk: 3_600_000 },
  escalationRepeatAfterMs: 3_600_000,
  engagementWindowMs: 3_600_000,
  giveUpAfterMs: 3_600_000,
}

/** By which lives are looked for that Temporal has lost, and lived when they are found: a stall at once. */
const impatient: LifecyclePolicy = { ...patient, stallAfterMs: { critical: 1, normal: 1, bulk: 1 } }

export const stallAfter = (ms: number) => ({ stallAfterMs: { critical: ms, normal: ms, bulk: ms } })

/** What the provider says when it is asked about an email; undefined: it cannot be asked. */
type ProviderAnswer = ReceivedEvent[] | Error | undefined

/** A whole system on real servers, with support and the provider played by the test. */
export class Living {
  readonly notices: SupportNotice[] = []
  /** What the support channel throws instead of taking a notice. */
  channelError: Error | null = null
  /** By email ID. */
  readonly answers = new Map<string, ProviderAnswer>()
  readonly #database: TestDatabase
  readonly client: Client
  readonly taskQueue = `test-${randomUUID()}`
  readonly #inboxes: RunningInbox[] = []
  #stopWorker: () => Promise<void> = async () => {}

  private constructor(database: TestDatabase, client: Client) {
    this.#database = database
    this.client = client
  }

  static async begin({ temporalAddress }: { temporalAddress?: string } = {}): Promise<Living> {
    const [database, address] = await Promise.all([testDatabase(), temporalAddress ?? testTemporal()])
    quietTemporalRuntime()
    const target = { address, namespace: 'default', security: {} }
    const living = new Living(database, createTemporalClient(target))
    await living.#startWorker(target)
    return living
  }

  get db() {
    return this.#database.db
  }

  async #startWorker(target: Parameters<typeof connectWorker>[0]): Promise<void> {
    const connection = await connectWorker(target)
    const channel: SupportChannel = {
      name: 'webhook',
      tell: async (notice) => {
        if (this.channelError) throw this.channelError
        this.notices.push(notice)
      },
    }
    const activities = createActivities({
      db: this.db,
      channels: [channel],
      providerApis: new Map([['aisend', { fetchEvents: (emailId) => this.#answer(emailId) }]]),
      metrics: createMetrics(() => readInboxFigures(this.db)),
    })
    const recurring = createRecurringActivities({
      db: this.db,
      lives: this.#livesBy(impatient),
      policy: impatient,
      alarms: readConfig({}).alarms,
      incidents: createTemporalIncidents({ client: this.client, taskQueue: this.taskQueue, policy: patient }),
    })
    const options = {
      connection,
      namespace: 'default',
      taskQueue: this.taskQueue,
      activities: { ...activities, ...recurring },
    }
    const worker = await createLifecycleWorker(options)
    const running = worker.run()
    this.#stopWorker = async () => {
      worker.shutdown()
      await running
      await connection.close()
    }
  }

  async #answer(emailId: string): Promise<ReceivedEvent[]> {
    const answer = this.answers.get(emailId) ?? []
    if (answer instanceof Error) throw answer
    return answer
  }

  /** An email that lives by the given policy. */
  email(policy: Partial<LifecyclePolicy> = {}, emailId = `em_${randomUUID()}`): LivingEmail {
    const lives = this.#livesBy({ ...patient, ...policy })
    const metrics = createMetrics(() => readInboxFigures(this.db))
    const inbox = createInbox({ db: this.db, lives, metrics, log: quietLog, sweepEveryMs: 3_600_000 })
    this.#inboxes.push(inbox)
    return new LivingEmail(this, lives, inbox, emailId)
  }

  #livesBy = (policy: LifecyclePolicy): Lives =>
    createTemporalLives({ client: this.client, taskQueue: this.taskQueue, policy })

  async end(): Promise<void> {
    await Promise.all(this.#inboxes.map((inbox) => inbox.close()))
    await this.#stopWorker()
    await this.client.connection.close()
    await this.#database.drop()
  }
}

/** One email, as its provider, its application, support and a look into the database see it. */
export class LivingEmail implements EmailKey {
  readonly provider = 'aisend'
  readonly emailId: string
  readonly lives: Lives
  readonly #living: Living
  readonly #inbox: RunningInbox
  #count = 0

  constructor(living: Living, lives: Lives, inbox: RunningInbox, emailId: string) {
    this.#living = living
    this.lives = lives
    this.#inbox = inbox
    this.emailId = emailId
  }

  /** An event of this email with an ID of its own. */
  event(type: string, parts: Partial<ReceivedEvent> = {}): ReceivedEvent {
    this.#count += 1
    return receivedEvent({ emailId: this.emailId, id: `${this.emailId}/${this.#count}`, type, ...parts })
  }

  hardBounce = (parts: Partial<ReceivedEvent> = {}): ReceivedEvent =>
    this.event('bounced', { bounce: { class: 'hard', code: '5.1.1', message: 'no such user' }, ...parts })

  /** Stores and signals events, and waits until they are applied. */
  async hear(...events: ReceivedEvent[]): Promise<void> {
    await this.#inbox.append(events)
    await this.settle()
  }

  async register(priority: Priority | null = null, to = ['ada@example.com']): Promise<void> {
    const { provider, emailId } = this
    await this.#inbox.register({ provider, emailId, to, subject: 'A secret', tags: null, priority, as: 'sent' })
    await this.settle()
  }

  /** Waits until every event of this email is applied. */
  settle = (): Promise<void> =>
    until(async () => (await this.#living.db.event.count({ where: { emailId: this.emailId, appliedAt: null } })) === 0)

  row = () =>
    this.#living.db.email.findUniqueOrThrow({ where: { id_provider: { id: this.emailId, provider: this.provider } } })

  escalations = () =>
    this.#living.db.escalation.findMany({ where: { emailId: this.emailId }, orderBy: { openedAt: 'asc' } })

  /** Waits for an escalation in a state. */
  async escalated(reason: string, state: string): Promise<Awaited<ReturnType<LivingEmail['escalations']>>[number]> {
    const found = async () => (await this.escalations()).find((it) => it.reason === reason && it.state === state)
    await until(async () => (await found()) !== undefined)
    const escalation = await found()
    if (!escalation) throw new Error(`${reason} is not ${state} any more`)
    return escalation
  }

  notices = (): SupportNotice[] => this.#living.notices.filter(({ emailId }) => emailId === this.emailId)

  /** @param runId of one of its runs. Default the last. */
  handle = (runId?: string) => this.#living.client.workflow.getHandle(workflowIdOf(this), runId)

  /** Its runs, the last one first. Temporal lists a new one a moment after it began. */
  async runs(): Promise<WorkflowExecutionInfo[]> {
    const runs: WorkflowExecutionInfo[] = []
    for await (const run of this.#living.client.workflow.list({ query: `WorkflowId = "${workflowIdOf(this)}"` }))
      runs.push(run)
    return runs
  }

  /** Waits until the run that is open now has closed. */
  closed = (): Promise<void> => until(async () => (await this.handle().describe()).status.name === 'COMPLETED')
}
