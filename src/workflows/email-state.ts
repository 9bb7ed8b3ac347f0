import { ActivityFailure } from '@temporalio/common'
import type { LoadedEmailState } from '../activities/lifecycle-activities.ts'
import {
  type Escalation,
  type EscalationCommand,
  type EscalationReason,
  stallDetail,
  stallResolution,
  urgentDetail,
  urgentReasons,
} from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { deliveryOf, type EmailStatus, isSettled, statusOf } from '../domain/lifecycle.ts'
import { closingWindow, type LifecyclePolicy, stallDeadline } from '../domain/stall-policy.ts'
import { CommandQueue, commandRefused } from './command-queue.ts'
import type { Deadline } from './deadline-timer.ts'
import { Escalations } from './escalations.ts'
import { EventQueue } from './event-queue.ts'
import type { CarriedEmailState, EmailWorkflowInput, EmailWorkflowStatus } from './messages.ts'
import { SnapshotStore } from './snapshot-store.ts'
import { isSuppressing, mayCountAsSoftBounce, suppressRecipients } from './suppress-recipients.ts'
import { Visibility } from './visibility.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

const unclearDetail = 'A bounce or complaint names none of the recipients: which one is it? Nobody was suppressed.'

/** About a quarter of a megabyte; Temporal's limit for a payload is two. */
const maxCarriedEvents = 1_000

/** The state of one email in a run, and what the run does about it. Only the workflow's loop calls the async methods. */
export class EmailState {
  readonly #email: EmailKey
  readonly #policy: LifecyclePolicy
  readonly #runtime: WorkflowRuntime
  readonly #visibility: Visibility
  readonly #escalations: Escalations
  readonly #store: SnapshotStore
  readonly #events = new EventQueue()
  readonly #commands: CommandQueue

  constructor({ provider, emailId, policy, carried }: EmailWorkflowInput, runtime: WorkflowRuntime) {
    this.#email = { provider, emailId }
    this.#policy = policy
    this.#runtime = runtime
    this.#visibility = new Visibility(provider, policy, runtime)
    this.#commands = new CommandQueue(runtime)
    this.#escalations = new Escalations(this.#email, policy, carried?.untold ?? [], runtime)
    this.#store = new SnapshotStore(this.#email, runtime, (stored) => this.#onStored(stored))
    if (carried) this.#store.restore(carried)
    this.enqueue(carried?.waiting ?? [])
  }

  enqueue(events: readonly LifecycleEvent[]): void {
    this.#events.add(events)
  }

  hasPendingEvents = (): boolean => this.#events.pending().length > 0
  hasCommands = (): boolean => !this.#commands.isEmpty()
  isLoaded = (): boolean => this.#store.isLoaded
  /** How often this run has saved. */
  saves = (): number => this.#store.saves
  hasWork = (): boolean => this.hasPendingEvents() || this.hasCommands()
  /** The headline status. */
  status = (): EmailStatus => statusOf(this.#store.current)

  /** For a run that has nothing to save yet: its deadlines follow from the stored state. */
  async load(): Promise<void> {
    await this.#store.load()
    // What a lost run did not finish. In most runs nothing.
    if (this.#areEscalationsStale() && this.#runtime.patched('makes up for what a lost run owed'))
      await this.#updateEscalations()
    this.#show()
  }

  /** Restores what is stored beside the snapshot, and sends notices that an earlier run did not deliver. */
  #onStored({ escalations, undelivered = [] }: LoadedEmailState): void {
    this.#escalations.restore(escalations)
    this.#escalations.resend(undelivered)
  }

  /** Whether the snapshot requires an escalation that was never opened, or settles an open stall. */
  #areEscalationsStale = (): boolean =>
    urgentReasons(this.#store.current).some((reason) => !this.#escalations.has(reason)) ||
    (isSettled(this.#store.current) && this.#escalations.isUnresolved('stalled'))

  async #updateEscalations(): Promise<void> {
    for (const reason of urgentReasons(this.#store.current)) {
      await this.#escalations.open(reason, urgentDetail(reason, this.#store.current))
    }
    const resolution = stallResolution(this.#store.current)
    if (resolution) await this.#escalations.resolve('stalled', resolution)
  }

  /**
   * Applies all pending events as one batch, with one save. Suppressions come before the save: an event counts as applied only
   * when all its effects are done. So a run that is terminated in between leaves the event unapplied, and the relay sends it again.
   *
   * Steps that most batches do not need are not awaited: the SDK records a stack trace for every promise, for its
   * `__stack_trace` query, and that costs a worker more CPU than the rest of an ordinary event.
   */
  async applyPendingEvents(): Promise<void> {
    const { fresh, repeats } = this.#events.take()
    const batch = fresh.length > 0 ? fresh : await this.#unappliedOf(repeats)
    if (batch.length === 0) return
    const softBounces = batch.filter(mayCountAsSoftBounce)
    const events = softBounces.length === 0 ? batch : [...batch, ...(await this.#hardBouncesAfter(softBounces))]
    const suppressing = events.filter(isSuppressing)
    const isUnclear = suppressing.length > 0 && (await suppressRecipients(this.#email, suppressing, this.#runtime))
    // Before the save too: once the event is applied, no stored state would make another run open the escalation.
    if (isUnclear && this.#runtime.patched('opens what is unclear before it saves')) await this.#openUnclear()
    this.#events.forget(await this.#store.save(events))
    if (this.#store.isSaveLost) {
      this.#store.isSaveLost = false
      this.#events.requeue(repeats)
    }
    if (isUnclear) await this.#openUnclear()
    if (this.#areEscalationsStale()) await this.#updateEscalations()
    this.#show()
  }

  #openUnclear = (): Promise<void> => this.#escalations.open('recipient_unclear', unclearDetail)

  /** Those of a batch's repeats that the database does not have as applied: it has lost a save in a failover. */
  async #unappliedOf(repeats: readonly LifecycleEvent[]): Promise<LifecycleEvent[]> {
    if (repeats.length === 0 || !this.#runtime.patched('asks what is stored of repeats')) return []
    return this.#events.takeUnapplied(repeats, await this.#store.findUnapplied(repeats))
  }

  async #hardBouncesAfter(softBounces: readonly LifecycleEvent[]): Promise<LifecycleEvent[]> {
    const found = await Promise.all(
      softBounces.map(({ id }) => this.#runtime.retrying.countSoftBounce({ ...this.#email, eventId: id })),
    )
    return found.filter((event) => event !== null).filter((event) => this.#events.markApplied(event))
  }

  #show = (): void => this.#visibility.show(this.#store.current, this.#escalations.all())

  #stallDeadline = (): number | null =>
    this.#escalations.has('stalled') ? null : stallDeadline(this.#store.current, this.#policy)

  #closingWindow = () => closingWindow(this.#store.current, this.#policy, this.#escalations.hasUnresolved())

  /** The next deadline after `now`; null if the run only waits for messages. */
  nextDeadline(now: number): Deadline | null {
    const closing = this.#closingWindow()
    const noticeAt = this.#escalations.nextNoticeAt()
    const exact = [this.#stallDeadline(), noticeAt, this.#visibility.hiddenUntil(this.#store.current)]
    const deadlines: Deadline[] = exact.filter((at) => at !== null).map((at) => ({ at, latest: at }))
    // Runs of versions before 0.4.0 set a timer to complete even if a notice is due later, and then do not complete.
    const isClosingTimed = noticeAt === null || this.#policy.lingerAfterSettledMs === undefined
    if (closing && isClosingTimed) deadlines.push({ at: closing.planned, latest: closing.until })
    const ahead = deadlines.filter(({ at }) => at > now)
    if (ahead.length === 0) return null
    return { at: Math.min(...ahead.map(({ at }) => at)), latest: Math.min(...ahead.map(({ latest }) => latest)) }
  }

  isDue(now: number): boolean {
    return (
      [this.#stallDeadline(), this.#escalations.nextNoticeAt()].some((at) => at !== null && at <= now) ||
      this.#visibility.isDue(this.#store.current, now)
    )
  }

  async onDeadline(now: number): Promise<void> {
    const stallAt = this.#stallDeadline()
    if (stallAt !== null && stallAt <= now) await this.#onStall()
    else await this.#escalations.repeatDueNotices(now)
    this.#show()
  }

  /** Asks the provider first: if only a webhook was lost, the delivery settles and there is no stall. */
  async #onStall(): Promise<void> {
    const { note, events } = await this.#runtime.askProvider(this.#email).catch((error) => {
      if (error instanceof ActivityFailure) return { note: 'The provider could not be asked.', events: [] }
      throw error
    })
    this.enqueue(events)
    await this.applyPendingEvents()
    const { current } = this.#store
    if (!isSettled(current)) await this.#escalations.open('stalled', stallDetail(note, current))
  }

  /**
   * Whether nothing is pending: the linger is over, and no notice is due or undelivered. An escalation that is still open
   * needs no run: a person's command starts one, which continues from the stored state.
   */
  isComplete(now: number): boolean {
    const closing = this.#closingWindow()
    const isOver = closing === null || closing.from <= now
    const hasNotices = this.#escalations.nextNoticeAt() !== null || this.#escalations.undelivered().length > 0
    return isOver && !this.hasWork() && !hasNotices
  }

  /** @throws a failure with the reason for the person, if the command is refused. For the validators of updates. */
  validateCommand(reason: EscalationReason, command: EscalationCommand): void {
    if (!this.#store.isLoaded) return
    const refusal = this.#escalations.refusalOf(reason, command, this.#runtime.now())
    if (refusal) throw commandRefused(refusal)
  }

  /** Submits a command to the loop and waits for its outcome. */
  submitCommand = (reason: EscalationReason, command: EscalationCommand): Promise<Escalation> =>
    this.#commands.submit(reason, command)

  async executeCommand(): Promise<void> {
    await this.#store.load()
    await this.#commands.executeNext(this.#escalations)
    this.#show()
  }

  /** What the next run continues from. */
  carriedState(): CarriedEmailState {
    return {
      snapshot: this.#store.current,
      revision: this.#store.revision,
      escalations: this.#escalations.all(),
      untold: this.#escalations.undelivered(),
      waiting: this.#events.pending(),
    }
  }

  /** Whether the run can continue as new with its pending events: they fit into a payload, and no person waits. */
  canCarryEvents = (): boolean =>
    this.isLoaded() &&
    this.hasPendingEvents() &&
    this.#events.pending().length <= maxCarriedEvents &&
    !this.hasCommands() &&
    this.#runtime.allHandlersFinished()

  /** The answer to the `status` query. */
  describe(): EmailWorkflowStatus {
    const deadline = this.nextDeadline(this.#runtime.now())
    return {
      status: statusOf(this.#store.current),
      delivery: deliveryOf(this.#store.current),
      priority: this.#store.current.priority,
      opens: this.#store.current.opens.total,
      clicks: this.#store.current.clicks.total,
      waitingEvents: this.#events.pending().length,
      escalations: this.#escalations.all().map(({ reason, state }) => ({ reason, state })),
      nextDeadline: deadline === null ? null : new Date(deadline.at).toISOString(),
    }
  }
}
