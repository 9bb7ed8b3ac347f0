import { ActivityFailure, log } from '@temporalio/workflow'
import {
  commandEscalation,
  type Escalation,
  type EscalationCommand,
  type EscalationReason,
  openEscalation,
  refusalOf,
  repeatNotice,
  resolveEscalation,
} from '../domain/escalation.ts'
import type { EmailKey } from '../domain/events.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { patientActivities, tellSupport } from './activities.ts'
import type { UntoldNotice } from './messages.ts'

/** The escalations of one email: stores each move, and tells support in the background. */
export class EscalationDesk {
  readonly #email: EmailKey
  readonly #policy: LifecyclePolicy
  readonly #escalations = new Map<EscalationReason, Escalation>()
  readonly #untold = new Set<UntoldNotice>()

  constructor(email: EmailKey, policy: LifecyclePolicy, untold: readonly UntoldNotice[]) {
    this.#email = email
    this.#policy = policy
    for (const notice of untold) this.#tell(notice)
  }

  all = (): Escalation[] => [...this.#escalations.values()]
  has = (reason: EscalationReason): boolean => this.#escalations.has(reason)
  hasUnresolved = (): boolean => this.all().some(({ state }) => state !== 'resolved')
  untold = (): UntoldNotice[] => [...this.#untold]

  /** Takes over what is stored, such as when a run begins anew. */
  adopt(escalations: readonly Escalation[]): void {
    this.#escalations.clear()
    for (const escalation of escalations) this.#escalations.set(escalation.reason, escalation)
  }

  /** When support is to be told again next; null for never. */
  nextNoticeAt(): number | null {
    const times = this.all().flatMap(({ nextNoticeAt }) => nextNoticeAt ?? [])
    return times.length === 0 ? null : Math.min(...times)
  }

  refusalOf = (reason: EscalationReason, command: EscalationCommand, now: number): string | null =>
    refusalOf(this.#escalations.get(reason), command, now)

  /** Opens an escalation and tells support; does nothing if there ever was one for this reason. */
  async open(reason: EscalationReason, detail: string): Promise<void> {
    if (this.has(reason)) return
    await this.#recordAndTell(openEscalation(reason, detail, Date.now(), this.#policy))
  }

  async repeatDueNotices(now: number): Promise<void> {
    for (const escalation of this.all()) {
      if (escalation.nextNoticeAt !== null && escalation.nextNoticeAt <= now) {
        await this.#recordAndTell(repeatNotice(escalation))
      }
    }
  }

  /** Resolves what the email's life has made moot; does nothing if it is not there or resolved already. */
  async resolve(reason: EscalationReason, by: string): Promise<void> {
    const escalation = this.#escalations.get(reason)
    if (escalation && escalation.state !== 'resolved') {
      await this.#record(resolveEscalation(escalation, by, Date.now()))
    }
  }

  /** Carries out a command that {@link refusalOf} has nothing against. */
  async carryOut(reason: EscalationReason, command: EscalationCommand, now: number): Promise<Escalation> {
    const escalation = this.#escalations.get(reason)
    if (!escalation) throw new Error(`no escalation for ${reason}: refusalOf was not asked`)
    const commanded = commandEscalation(escalation, command, now)
    await this.#record(commanded)
    return commanded
  }

  async #record(escalation: Escalation): Promise<string[]> {
    this.#escalations.set(escalation.reason, escalation)
    const { channels } = await patientActivities.recordEscalation({ ...this.#email, escalation })
    return channels
  }

  async #recordAndTell(escalation: Escalation): Promise<void> {
    const { reason, notices: notice } = escalation
    for (const channel of await this.#record(escalation)) this.#tell({ reason, notice, channel })
  }

  /** In the background: a channel that is down must not keep events from being applied. */
  #tell(notice: UntoldNotice): void {
    this.#untold.add(notice)
    tellSupport({ ...this.#email, ...notice })
      .catch((error) => {
        // The other channels were told, and the escalation stays open in the API and the database.
        if (!(error instanceof ActivityFailure)) throw error
        log.error('support could not be told', { channel: notice.channel, reason: notice.reason })
      })
      .finally(() => this.#untold.delete(notice))
  }
}
