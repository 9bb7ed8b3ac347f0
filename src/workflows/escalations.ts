import { ActivityFailure } from '@temporalio/common'
import {
  commandEscalation,
  type Escalation,
  type EscalationCommand,
  type EscalationReason,
  openEscalation,
  refusalOf,
  repeatNotice,
  resolveEscalation,
  type UndeliveredNotice,
} from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

/** The escalations of one email or incident: stores each change of state, and sends notices in the background. */
export class Escalations {
  readonly #email: EmailKey
  readonly #runtime: WorkflowRuntime
  readonly #policy: LifecyclePolicy
  readonly #escalations = new Map<EscalationReason, Escalation>()
  readonly #undelivered = new Set<UndeliveredNotice>()

  /** @param unsent the undelivered notices of the run that this one continues. */
  constructor(key: EmailKey, policy: LifecyclePolicy, unsent: readonly UndeliveredNotice[], runtime: WorkflowRuntime) {
    this.#email = key
    this.#runtime = runtime
    this.#policy = policy
    for (const notice of unsent) this.#notify(notice)
  }

  all = (): Escalation[] => [...this.#escalations.values()]
  has = (reason: EscalationReason): boolean => this.#escalations.has(reason)
  hasUnresolved = (): boolean => this.all().some(({ state }) => state !== 'resolved')
  isUnresolved = (reason: EscalationReason): boolean =>
    this.#escalations.has(reason) && this.#escalations.get(reason)?.state !== 'resolved'
  undelivered = (): UndeliveredNotice[] => [...this.#undelivered]

  /** Replaces the escalations by the stored ones. */
  restore(escalations: readonly Escalation[]): void {
    this.#escalations.clear()
    for (const escalation of escalations) this.#escalations.set(escalation.reason, escalation)
  }

  /** When the next notice is due; null for never. */
  nextNoticeAt(): number | null {
    const times = this.all().flatMap(({ nextNoticeAt }) => nextNoticeAt ?? [])
    return times.length === 0 ? null : Math.min(...times)
  }

  refusalOf = (reason: EscalationReason, command: EscalationCommand, now: number): string | null =>
    refusalOf(this.#escalations.get(reason), command, now)

  /** Opens an escalation and sends its first notice. Does nothing if there is or was one for this reason. */
  async open(reason: EscalationReason, detail: string): Promise<void> {
    if (this.has(reason)) return
    await this.#recordAndNotify(openEscalation(reason, detail, this.#runtime.now(), this.#policy))
  }

  /** Sends notices that an earlier run did not deliver, except those that this run is sending already. */
  resend(notices: readonly UndeliveredNotice[]): void {
    const nameOf = ({ reason, notice, channel, change = 0 }: UndeliveredNotice) =>
      `${reason} ${notice} ${channel} ${change}`
    const inFlight = new Set(this.undelivered().map(nameOf))
    for (const notice of notices) if (!inFlight.has(nameOf(notice))) this.#notify(notice)
  }

  async repeatDueNotices(now: number): Promise<void> {
    for (const escalation of this.all()) {
      if (escalation.nextNoticeAt !== null && escalation.nextNoticeAt <= now) {
        await this.#recordAndNotify(repeatNotice(escalation))
      }
    }
  }

  /** Resolves an escalation whose cause is gone. Does nothing if there is none, or if it is resolved already. */
  async resolve(reason: EscalationReason, by: string): Promise<void> {
    let escalation = this.#escalations.get(reason)
    while (escalation && escalation.state !== 'resolved') {
      const { isStored } = await this.#recordAndShow(resolveEscalation(escalation, by, this.#runtime.now()))
      if (isStored) return
      escalation = this.#escalations.get(reason)
    }
  }

  /**
   * Executes a person's command. If the database has a newer state than this run, the command applies to that one.
   * @returns the escalation after the command, or why it was refused, as a text for the person.
   */
  async execute(
    reason: EscalationReason,
    command: EscalationCommand,
  ): Promise<{ readonly refusal: string } | { readonly escalation: Escalation }> {
    for (;;) {
      const now = this.#runtime.now()
      const escalation = this.#escalations.get(reason)
      const refusal = refusalOf(escalation, command, now)
      if (!escalation || refusal) return { refusal: refusal ?? 'there is no such escalation' }
      const commanded = commandEscalation(escalation, command, now)
      const { isStored } = await this.#recordAndShow(commanded)
      if (isStored) return { escalation: commanded }
    }
  }

  /**
   * Stores a change of state. If the database has a newer state than the one that was changed (the run was reset, or continues
   * from an older one), that state replaces this run's, and nothing is stored.
   */
  async #record(escalation: Escalation) {
    this.#escalations.set(escalation.reason, escalation)
    const { retrying } = this.#runtime
    const {
      channels,
      version,
      conflict,
      following = [],
    } = await retrying.recordEscalation({
      ...this.#email,
      escalation,
    })
    this.#escalations.set(escalation.reason, conflict ?? { ...escalation, version })
    return { isStored: conflict === undefined, conflict, channels, following, version }
  }

  /** Also shows the change where a message follows the escalation. Only then is there a marker: without channels, histories stay as they were. */
  async #recordAndShow(escalation: Escalation): Promise<{ isStored: boolean }> {
    const { isStored, following, version = 0 } = await this.#record(escalation)
    if (isStored && following.length > 0 && this.#runtime.patched('shows channels what changes')) {
      const { reason, notices: notice } = escalation
      for (const channel of following) this.#notify({ reason, notice, channel, change: version })
    }
    return { isStored }
  }

  async #recordAndNotify(escalation: Escalation): Promise<void> {
    const { reason, notices: notice } = escalation
    const { isStored, conflict, channels } = await this.#record(escalation)
    if (isStored) for (const channel of channels) this.#notify({ reason, notice, channel })
    // The run that stored the newer state may have been reset before it sent its notice. A channel takes each notice once.
    else if (conflict && conflict.state !== 'resolved' && this.#runtime.patched('sends what it takes over'))
      this.resend(channels.map((channel) => ({ reason, notice: conflict.notices, channel })))
  }

  /** In the background: a channel that is unavailable does not delay events. */
  #notify(notice: UndeliveredNotice): void {
    this.#undelivered.add(notice)
    this.#runtime
      .tellSupport({ ...this.#email, ...notice })
      .catch((error) => {
        // The other channels have their notices, and the escalation stays open in the API and the database.
        if (!(error instanceof ActivityFailure)) throw error
        this.#runtime.logError('notice not delivered', { channel: notice.channel, reason: notice.reason })
      })
      .finally(() => this.#undelivered.delete(notice))
  }
}
