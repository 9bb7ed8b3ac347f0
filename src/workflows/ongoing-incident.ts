import { allHandlersFinished } from '@temporalio/workflow'
import type { Escalation, EscalationCommand } from '../domain/escalation.ts'
import { type Incident, incidentKeyOf, recovered } from '../domain/incident.ts'
import type { LifecyclePolicy } from '../domain/stall-policy.ts'
import { patientActivities } from './activities.ts'
import { CommandQueue } from './command-queue.ts'
import { EscalationDesk } from './escalation-desk.ts'
import type { UntoldNotice } from './messages.ts'

/** What an incident starts with. */
export interface IncidentInput extends Incident {
  /** When it began: one escalation for each time. */
  readonly episode: string
  readonly policy: LifecyclePolicy
  /** Notices that the run before this one has not told support of. */
  readonly untold?: readonly UntoldNotice[]
}

/** How an incident stands. */
export interface Measurement {
  readonly level: 'raised' | 'clear'
  readonly detail: string
}

/** After this long a resolved incident of which no more is measured is let go. */
const letGoAfterMs = 7 * 86_400_000

/** What a run knows of its incident, and what it does about it. Only the workflow's loop calls the async methods. */
export class OngoingIncident {
  readonly #input: IncidentInput
  readonly #desk: EscalationDesk
  readonly #commands = new CommandQueue()
  readonly #measurements: Measurement[] = []
  #isOver = false

  constructor(input: IncidentInput) {
    this.#input = input
    this.#desk = new EscalationDesk(incidentKeyOf(input.scope, input.episode), input.policy, input.untold ?? [])
  }

  /** A run that begins with a person's command, or that continues another, takes over what is stored. */
  async takeOver(): Promise<void> {
    const { scope, episode } = this.#input
    this.#desk.adopt((await patientActivities.loadLife(incidentKeyOf(scope, episode))).escalations)
  }

  hear(measurement: Measurement): void {
    this.#measurements.push(measurement)
  }

  /** Puts a command before the loop and waits for what comes of it. */
  command = (command: EscalationCommand): Promise<Escalation> => this.#commands.put(this.#input.reason, command)

  hasWork = (): boolean => !this.#commands.isEmpty() || this.#measurements.length > 0

  /** Does the next thing that waits. */
  async work(): Promise<void> {
    if (!this.#commands.isEmpty()) return this.#commands.carryOutNext(this.#desk)
    const measurement = this.#measurements.shift()
    if (measurement?.level === 'raised') return this.#desk.open(this.#input.reason, measurement.detail)
    if (measurement) await this.#desk.resolve(this.#input.reason, recovered)
    this.#isOver = measurement !== undefined
  }

  isNoticeDue = (): boolean => isPast(this.#desk.nextNoticeAt())
  repeatNotice = (): Promise<void> => this.#desk.repeatDueNotices(Date.now())
  untold = (): UntoldNotice[] => this.#desk.untold()

  /** Whether nothing more is awaited: it is over, or has been resolved for long, and everybody was told. */
  mayEnd = (): boolean =>
    (this.#isOver || isPast(this.#letGoAt())) && this.untold().length === 0 && allHandlersFinished()

  /** Milliseconds until the next moment at which something is to be done; null if only a message can bring more. */
  untilNextMs(): number | null {
    const times = [this.#desk.nextNoticeAt(), this.#letGoAt()].filter((at) => at !== null)
    return times.length === 0 ? null : Math.max(1, Math.min(...times) - Date.now())
  }

  #letGoAt(): number | null {
    const [escalation] = this.#desk.all()
    return escalation?.resolvedAt ? escalation.resolvedAt + letGoAfterMs : null
  }
}

const isPast = (at: number | null): boolean => at !== null && at <= Date.now()
