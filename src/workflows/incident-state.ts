import type { Escalation, EscalationCommand } from '../domain/escalation.ts'
import { incidentKeyOf, recovered } from '../domain/incident.ts'
import { CommandQueue, commandRefused } from './command-queue.ts'
import { Escalations } from './escalations.ts'
import type { Episode, IncidentInput, Measurement } from './messages.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

/** A run completes if its incident is resolved and no measurement ends it for this long. */
const resolvedTimeoutMs = 7 * 86_400_000

/** The state of one incident in a run, and what the run does about it. Only the workflow's loop calls the async methods. */
export class IncidentState {
  readonly #input: IncidentInput
  readonly #runtime: WorkflowRuntime
  readonly #commands: CommandQueue
  readonly #measurements: Measurement[] = []
  #episode: string
  #escalations: Escalations
  /** Earlier episodes, until their notices are delivered. */
  #earlier: { episode: string; escalations: Escalations }[]
  #hasEnded = false

  constructor(input: IncidentInput, runtime: WorkflowRuntime) {
    this.#input = input
    this.#runtime = runtime
    this.#commands = new CommandQueue(runtime)
    this.#earlier = (input.earlier ?? []).map((it) => ({ episode: it.episode, escalations: this.#escalationsOf(it) }))
    this.#episode = input.episode
    this.#escalations = this.#escalationsOf(input)
  }

  #escalationsOf({ episode, untold = [] }: Episode): Escalations {
    const { scope, policy } = this.#input
    return new Escalations(incidentKeyOf(scope, episode), policy, untold, this.#runtime)
  }

  /**
   * Restores the stored escalation: another run may have written it. A run that does not continue another one also sends the
   * undelivered notices, since the run that was sending them is lost.
   */
  async load(): Promise<void> {
    const stored = await this.#runtime.retrying.loadLife(incidentKeyOf(this.#input.scope, this.#episode))
    this.#escalations.restore(stored.escalations)
    if (this.#input.untold === undefined) this.#escalations.resend(stored.undelivered ?? [])
  }

  enqueue(measurement: Measurement): void {
    this.#measurements.push(measurement)
  }

  /** @throws a failure with the reason for the person, unless `episode` is the current one. For the validators of updates. */
  validateEpisode(episode: string | undefined): void {
    if (episode === undefined || episode === this.#episode) return
    throw commandRefused('the escalation is already resolved: the incident ended, and a new one has started since')
  }

  /** Submits a command to the loop and waits for its outcome. */
  submitCommand = (command: EscalationCommand): Promise<Escalation> =>
    this.#commands.submit(this.#input.reason, command)

  hasWork = (): boolean => !this.#commands.isEmpty() || this.#measurements.length > 0

  /** Executes the next command, or else applies the next measurement. */
  async processNext(): Promise<void> {
    if (!this.#commands.isEmpty()) return this.#commands.executeNext(this.#escalations)
    const measurement = this.#measurements.shift()
    if (measurement?.level === 'raised') return this.#raise(measurement)
    if (measurement) await this.#escalations.resolve(this.#input.reason, recovered)
    this.#hasEnded = measurement !== undefined
  }

  /** Starts a new episode if the last one has ended, although a notice of that one is still undelivered. */
  async #raise({ detail, episode }: Measurement): Promise<void> {
    if (this.#hasEnded && this.#runtime.patched('begins anew while a notice is undelivered')) {
      this.#earlier.push({ episode: this.#episode, escalations: this.#escalations })
      this.#episode = episode ?? new Date(this.#runtime.now()).toISOString()
      this.#escalations = this.#escalationsOf({ episode: this.#episode })
      this.#hasEnded = false
    }
    await this.#escalations.open(this.#input.reason, detail)
  }

  isNoticeDue = (): boolean => this.#isPast(this.#escalations.nextNoticeAt())
  repeatNotice = (): Promise<void> => this.#escalations.repeatDueNotices(this.#runtime.now())

  /** The input of the run that continues this one. */
  nextInput(): IncidentInput {
    const earlier = this.#earlier.map(({ episode, escalations }) => ({ episode, untold: escalations.undelivered() }))
    return {
      ...this.#input,
      episode: this.#episode,
      untold: this.#escalations.undelivered(),
      earlier: earlier.filter(({ untold }) => untold.length > 0),
    }
  }

  /** Whether nothing is pending: the incident has ended, or was resolved long ago, and every notice is delivered. */
  isComplete = (): boolean =>
    (this.#hasEnded || this.#isPast(this.#timeoutAt())) && this.#isAllSent() && this.#runtime.allHandlersFinished()

  #isAllSent = (): boolean =>
    [{ escalations: this.#escalations }, ...this.#earlier].every((it) => it.escalations.undelivered().length === 0)

  /** Milliseconds until the next deadline; null if the run only waits for messages. */
  msUntilDeadline(): number | null {
    const times = [this.#escalations.nextNoticeAt(), this.#timeoutAt()].filter((at) => at !== null)
    return times.length === 0 ? null : Math.max(1, Math.min(...times) - this.#runtime.now())
  }

  #isPast = (at: number | null): boolean => at !== null && at <= this.#runtime.now()

  #timeoutAt(): number | null {
    const [escalation] = this.#escalations.all()
    return escalation?.resolvedAt ? escalation.resolvedAt + resolvedTimeoutMs : null
  }
}
