import {
  ActivityFailure,
  allHandlersFinished,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import {
  type Escalation,
  type EscalationCommand,
  type EscalationReason,
  stallResolution,
  type UrgentReason,
  urgentReasons,
} from '../domain/escalation.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { deliveryOf, type EmailStatus, isSettled, statusOf } from '../domain/lifecycle.ts'
import { closingTime, type LifecyclePolicy, stallDeadline, transitHiddenUntil } from '../domain/stall-policy.ts'
import { askProvider, patientActivities } from './activities.ts'
import { CommandQueue, commandRefused } from './command-queue.ts'
import { EscalationDesk } from './escalation-desk.ts'
import { KeptSnapshot } from './kept-snapshot.ts'
import { type CarriedLife, type LifeInput, type LifeStatus, searchAttributes } from './messages.ts'
import { isSuppressing, suppressRecipients } from './suppress-recipients.ts'
import { timelineOf } from './timeline.ts'

const unclearDetail = 'A bounce or complaint names none of the recipients: which one is it? Nobody was suppressed.'

const urgentDetails: Record<UrgentReason, string> = {
  critical_bounce: 'A critical email was refused for good.',
  critical_complaint: 'The recipient of a critical email complained about it.',
}

const isSoftBounce = (event: LifecycleEvent): boolean => event.type === 'bounced' && event.bounce.class === 'soft'

/** About a quarter of a megabyte, of the two that Temporal takes. */
const handedOnLimit = 1_000

/** What a run knows of its email, and what it does about it. Only the workflow's loop calls the async methods. */
export class Life {
  readonly #email: EmailKey
  readonly #policy: LifecyclePolicy
  readonly #desk: EscalationDesk
  readonly #kept: KeptSnapshot
  readonly #waiting: LifecycleEvent[] = []
  /** Events that this run has applied: their repeats are dropped here. Those of older runs are, by the save. */
  readonly #applied = new Set<string>()
  readonly #commands = new CommandQueue()

  constructor({ provider, emailId, policy, carried }: LifeInput) {
    this.#email = { provider, emailId }
    this.#policy = policy
    this.#desk = new EscalationDesk(this.#email, policy, carried?.untold ?? [])
    this.#kept = new KeptSnapshot(this.#email, ({ escalations }) => this.#desk.adopt(escalations))
    if (carried) this.#kept.adopt(carried)
    this.hear(carried?.waiting ?? [])
  }

  hear(events: readonly LifecycleEvent[]): void {
    this.#waiting.push(...events)
  }

  hasWaitingEvents = (): boolean => this.#waiting.length > 0
  hasCommands = (): boolean => !this.#commands.isEmpty()
  isLoaded = (): boolean => this.#kept.isLoaded
  /** How often this run has saved. */
  saves = (): number => this.#kept.saves
  hasWork = (): boolean => this.hasWaitingEvents() || this.hasCommands()
  headline = (): EmailStatus => statusOf(this.#kept.current)

  /** For a run that has heard nothing yet that it could save: what is stored tells what it waits for. */
  async load(): Promise<void> {
    await this.#kept.load()
    this.#show()
  }

  /**
   * Applies everything that waits as one batch: one save, however many events. Suppresses before it saves: an event counts
   * as applied only when all that must follow from it has happened, so that a terminated workflow leaves nothing half done
   * that the sweep would not bring back.
   *
   * Nothing is awaited that most batches have no need of: the SDK takes down a stack trace for every promise, for its
   * `__stack_trace` query, and that costs a worker more than all else that an ordinary event does.
   */
  async applyWaitingEvents(): Promise<void> {
    const batch = this.#takeWaiting()
    if (batch.length === 0) return
    const softBounces = batch.filter(isSoftBounce)
    const events = softBounces.length === 0 ? batch : [...batch, ...(await this.#hardBouncesAfter(softBounces))]
    const suppressing = events.filter(isSuppressing)
    const isUnclear = suppressing.length > 0 && (await suppressRecipients(this.#email, suppressing))
    for (const id of await this.#kept.save(events)) this.#applied.delete(id)
    if (isUnclear) await this.#desk.open('recipient_unclear', unclearDetail)
    for (const reason of urgentReasons(this.#kept.current)) await this.#desk.open(reason, urgentDetails[reason])
    const resolution = stallResolution(this.#kept.current)
    if (resolution && this.#desk.has('stalled')) await this.#desk.resolve('stalled', resolution)
    this.#show()
  }

  /** What waits and was not applied by this run before. */
  #takeWaiting(): LifecycleEvent[] {
    const fresh: LifecycleEvent[] = []
    for (const event of this.#waiting.splice(0)) {
      if (this.#applied.has(event.id)) continue
      this.#applied.add(event.id)
      fresh.push(event)
    }
    return fresh
  }

  async #hardBouncesAfter(softBounces: readonly LifecycleEvent[]): Promise<LifecycleEvent[]> {
    const found = await Promise.all(
      softBounces.map(({ id }) => patientActivities.countSoftBounce({ ...this.#email, eventId: id })),
    )
    const fresh = found.filter((event) => event !== null).filter(({ id }) => !this.#applied.has(id))
    for (const { id } of fresh) this.#applied.add(id)
    return fresh
  }

  /**
   * What people see in the Web UI. Search attributes cost an event and a write each time, so only those that change, and
   * not each step of an email that is delivered within moments.
   */
  #show(): void {
    setCurrentDetails(timelineOf(this.#kept.current, this.#desk.all()))
    const hiddenUntil = this.#hiddenUntil()
    const changed = this.#changedAttributes()
    if (changed.length > 0 && (hiddenUntil === null || hiddenUntil <= Date.now())) upsertSearchAttributes(changed)
  }

  #changedAttributes() {
    const shown = workflowInfo().typedSearchAttributes
    return [
      { key: searchAttributes.status, value: this.headline() },
      { key: searchAttributes.priority, value: this.#kept.current.priority },
    ].filter(({ key, value }) => shown.get(key) !== value)
  }

  /** Null also for what is shown as sent: of its steps there are none left before it is settled. */
  #hiddenUntil = (): number | null =>
    workflowInfo().typedSearchAttributes.get(searchAttributes.status) === 'sent'
      ? null
      : transitHiddenUntil(this.#kept.current, this.#policy)

  #isToBeShown(now: number): boolean {
    const hiddenUntil = this.#hiddenUntil()
    return hiddenUntil !== null && hiddenUntil <= now && this.#changedAttributes().length > 0
  }

  #stallDeadline = (): number | null =>
    this.#desk.has('stalled') ? null : stallDeadline(this.#kept.current, this.#policy)

  #closingTime = (): number | null => closingTime(this.#kept.current, this.#policy, this.#desk.hasUnresolved())

  /** The next moment after `now` at which something is to be done; null if only a message can bring more. */
  nextDeadline(now: number): number | null {
    const ahead = [this.#stallDeadline(), this.#desk.nextNoticeAt(), this.#closingTime(), this.#hiddenUntil()].filter(
      (at): at is number => at !== null && at > now,
    )
    return ahead.length === 0 ? null : Math.min(...ahead)
  }

  isDue(now: number): boolean {
    return (
      [this.#stallDeadline(), this.#desk.nextNoticeAt()].some((at) => at !== null && at <= now) ||
      this.#isToBeShown(now)
    )
  }

  async meetDeadline(now: number): Promise<void> {
    const stallAt = this.#stallDeadline()
    if (stallAt !== null && stallAt <= now) await this.#onStall()
    else await this.#desk.repeatDueNotices(now)
    this.#show()
  }

  /** A lost webhook is no stall: what the provider says comes first, and only silence calls people. */
  async #onStall(): Promise<void> {
    const { note, events } = await askProvider(this.#email).catch((error) => {
      if (error instanceof ActivityFailure) return { note: 'The provider could not be asked.', events: [] }
      throw error
    })
    this.hear(events)
    await this.applyWaitingEvents()
    if (!isSettled(this.#kept.current)) await this.#desk.open('stalled', note)
  }

  /** Whether nothing more is awaited: the time is over, nobody is to be told again, and everybody was told. */
  mayClose(now: number): boolean {
    const closingAt = this.#closingTime()
    const isOver = closingAt === null || closingAt <= now
    return isOver && !this.hasWork() && this.#desk.nextNoticeAt() === null && this.#desk.untold().length === 0
  }

  /** Throws what a validator throws: why the command is refused, for the person who tried. */
  refuse(reason: EscalationReason, command: EscalationCommand): void {
    if (!this.#kept.isLoaded) return
    const refusal = this.#desk.refusalOf(reason, command, Date.now())
    if (refusal) throw commandRefused(refusal)
  }

  /** Puts a command before the loop and waits for what comes of it. */
  command = (reason: EscalationReason, command: EscalationCommand): Promise<Escalation> =>
    this.#commands.put(reason, command)

  async carryOutCommand(): Promise<void> {
    await this.#kept.load()
    await this.#commands.carryOutNext(this.#desk)
    this.#show()
  }

  carry(): CarriedLife {
    return {
      snapshot: this.#kept.current,
      revision: this.#kept.revision,
      escalations: this.#desk.all(),
      untold: this.#desk.untold(),
      waiting: this.#waiting,
    }
  }

  /** Whether what waits is fit for the next run: some events, not so many that they fill a payload, and no person. */
  mayHandOn = (): boolean =>
    this.isLoaded() &&
    this.hasWaitingEvents() &&
    this.#waiting.length <= handedOnLimit &&
    !this.hasCommands() &&
    allHandlersFinished()

  describe(): LifeStatus {
    const nextDeadline = this.nextDeadline(Date.now())
    return {
      status: statusOf(this.#kept.current),
      delivery: deliveryOf(this.#kept.current),
      priority: this.#kept.current.priority,
      opens: this.#kept.current.opens.total,
      clicks: this.#kept.current.clicks.total,
      waitingEvents: this.#waiting.length,
      escalations: this.#desk.all().map(({ reason, state }) => ({ reason, state })),
      nextDeadline: nextDeadline === null ? null : new Date(nextDeadline).toISOString(),
    }
  }
}
