/** A Temporal server with the documented guarantees: one open run per workflow ID, signals in order, tasks at least once. */
import { ApplicationFailure } from '@temporalio/common'
import type { Scheduler } from './scheduler.ts'
import {
  type ActivityTask,
  activityFailure,
  type PendingActivity,
  type Poller,
  type Run,
  retryPolicyOf,
  type StartOptions,
  type TaskToken,
  unavailable,
  type WorkflowTask,
} from './temporal-tasks.ts'
import { WaitingClients } from './temporal-updates.ts'
import type { Activation, Command, Job, Outcome } from './workflow-instance.ts'

const workflowTaskTimeoutMs = 10_000

export class FakeTemporal {
  /** Continue-as-new is suggested to runs of so many activations or more. */
  suggestedAfter = 4_096
  /** Whether timers fire. */
  firesTimers = true
  /** Events that must never happen, such as a failed workflow task. */
  readonly violations: string[] = []
  readonly #scheduler: Scheduler
  #runs = new Map<string, Run[]>()
  #pollers: Poller[] = []
  /** Tasks without a worker. */
  #backlog: (() => void)[] = []
  readonly #clients = new WaitingClients()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  openRun = (workflowId: string): Run | undefined => this.#runs.get(workflowId)?.find(({ state }) => state === 'open')

  openRuns = (): Run[] => [...this.#runs.keys()].flatMap((id) => this.openRun(id) ?? [])

  /** @returns whether a run was started. */
  start(options: StartOptions): boolean {
    if (this.openRun(options.workflowId)) return false
    this.#createRun(options)
    return true
  }

  signalWithStart(options: StartOptions, name: string, args: readonly unknown[]): void {
    const run = this.openRun(options.workflowId) ?? this.#createRun(options)
    this.#deliver(run, { kind: 'signal', name, args })
  }

  /** @returns whether there was a run to signal. */
  signal(workflowId: string, name: string, args: readonly unknown[]): boolean {
    const run = this.openRun(workflowId)
    if (run) this.#deliver(run, { kind: 'signal', name, args })
    return run !== undefined
  }

  /** A repeated ID waits for the same outcome. */
  updateWithStart(options: StartOptions, id: string, name: string, args: readonly unknown[]): Promise<unknown> {
    const outcome = this.openRun(options.workflowId)?.updates.get(id)
    if (outcome) return 'result' in outcome ? Promise.resolve(outcome.result) : Promise.reject(outcome.failure)
    return this.#clients.wait(id, () => {
      const run = this.openRun(options.workflowId) ?? this.#createRun(options)
      run.updates.set(id, null)
      this.#deliver(run, { kind: 'update', id, name, args })
    })
  }

  /** Adds a worker. @returns a function that removes it. */
  poll(poller: Poller): () => void {
    this.#pollers.push(poller)
    for (const give of this.#backlog.splice(0)) this.#scheduler.soon(null, give)
    return () => {
      this.#pollers = this.#pollers.filter((other) => other !== poller)
    }
  }

  /** Completes a workflow task. @returns whether it was accepted; if not, the worker must evict the run. */
  completeWorkflowTask({ run, token, jobs }: WorkflowTask, activations: readonly Activation[]): boolean {
    if (run.state !== 'open' || run.task !== token) return false
    const commands = activations.flatMap((activation) => activation.commands)
    const isEnding = commands.some(({ kind }) => kind === 'end')
    // UnhandledCommand: a run cannot end while it has undelivered jobs.
    if (isEnding && run.jobs.slice(jobs.length).some(({ kind }) => kind !== 'update')) {
      this.#offerTask(run)
      return false
    }
    token.cancel()
    run.task = null
    run.jobs.splice(0, jobs.length)
    run.history.push(...activations)
    run.taskEnds.push(run.history.length)
    for (const command of commands) this.#execute(run, command)
    if (run.state === 'open' && run.jobs.length > 0) this.#offerTask(run)
    return true
  }

  failWorkflowTask({ run, token }: WorkflowTask, reason: string): void {
    this.violations.push(`a workflow task of ${run.workflowId} failed: ${reason}`)
    if (run.state === 'open' && run.task === token) this.#scheduler.after(null, 10_000, () => this.#offerTask(run))
  }

  /** Completes an attempt of an activity. Ignored if another attempt has started. */
  completeActivityTask(task: ActivityTask, outcome: Outcome): void {
    const activity = [...task.run.activities.values()].find(({ token }) => token === task.token)
    if (!activity || task.run.state !== 'open') return
    activity.token?.cancel()
    activity.token = null
    const isFinal =
      'failure' in outcome && outcome.failure instanceof ApplicationFailure && outcome.failure.nonRetryable
    if ('result' in outcome || isFinal) this.#endActivity(task.run, activity, outcome)
    else this.#retryLater(task.run, activity, outcome.failure)
  }

  terminate = (run: Run): void => this.#close(run, 'terminated')

  /** Loses all data. */
  loseEverything(): void {
    for (const run of this.openRuns()) this.#close(run, 'terminated')
    this.#runs = new Map()
    this.#clients.failAll()
  }

  /** `temporal workflow reset` to the end of one of the run's tasks, see `taskEnds`. Later signals are delivered again. */
  reset(run: Run, taskEnd: number): void {
    const kept = run.history.slice(0, taskEnd)
    const again = [...run.history.slice(taskEnd).flatMap(({ jobs }) => jobs), ...run.jobs].filter(
      ({ kind }) => kind === 'signal',
    )
    const now = this.#scheduler.now
    this.#close(run, 'terminated')
    const next = this.#createRun(run)
    next.history.push(...kept)
    next.taskEnds.push(...run.taskEnds.filter((end) => end > 0 && end <= taskEnd))
    next.jobs.push(...again)
    for (const { time, jobs, commands } of kept) {
      for (const command of commands) this.#execute(next, command, time - now)
      for (const job of jobs) if (job.kind === 'activity') next.activities.delete(job.seq)
      for (const job of jobs) if (job.kind === 'timer') this.#endTimer(next, job.seq)
    }
  }

  #createRun({ workflowId, type, input, attributes }: StartOptions): Run {
    const run: Run = {
      workflowId,
      type,
      input,
      attributes,
      history: [],
      taskEnds: [0],
      jobs: [],
      activities: new Map(),
      timers: new Map(),
      state: 'open',
      task: null,
      updates: new Map(),
    }
    this.#runs.set(workflowId, [...(this.#runs.get(workflowId) ?? []), run])
    this.#offerTask(run)
    return run
  }

  #deliver(run: Run, job: Job): void {
    run.jobs.push(job)
    if (!run.task) this.#offerTask(run)
  }

  #offerTask(run: Run): void {
    const token: TaskToken = { cancel: () => {} }
    run.task?.cancel()
    run.task = token
    const give = () => {
      if (run.state !== 'open' || run.task !== token) return
      if (this.#pollers.length === 0) {
        this.#backlog.push(give)
        return
      }
      const offerAgain = () => run.task === token && this.#offerTask(run)
      token.cancel = this.#scheduler.after(null, workflowTaskTimeoutMs, offerAgain)
      this.#scheduler.random.pick(this.#pollers).takeWorkflowTask({
        run,
        token,
        jobs: [...run.jobs],
        isContinueAsNewSuggested: run.history.length >= this.suggestedAfter,
      })
    }
    this.#scheduler.soon(null, give)
  }

  #execute(run: Run, command: Command, sinceMs = 0): void {
    if (command.kind === 'timer') this.#startTimer(run, command.seq, command.ms + sinceMs)
    else if (command.kind === 'cancelTimer') this.#endTimer(run, command.seq)
    else if (command.kind === 'activity' && !command.isLocal) this.#schedule(run, command)
    else if (command.kind === 'updateDone' && command.outcome) {
      run.updates.set(command.id, command.outcome)
      this.#clients.answer(command.id, command.outcome)
    } else if (command.kind === 'end') this.#end(run, command)
  }

  #end(run: Run, { end }: Extract<Command, { kind: 'end' }>): void {
    this.#close(run, 'next' in end ? 'continued' : 'completed')
    if ('next' in end) this.#createRun({ ...run, input: end.next })
  }

  #close(run: Run, state: Run['state']): void {
    run.state = state
    run.task?.cancel()
    run.task = null
    for (const { token } of run.activities.values()) token?.cancel()
    run.activities.clear()
    for (const { cancel } of run.timers.values()) cancel()
    run.timers.clear()
    // Waiting clients retry, and reach the next run.
    for (const [id, outcome] of run.updates) if (outcome === null) this.#clients.answer(id, { failure: unavailable() })
  }

  #startTimer(run: Run, seq: number, ms: number): void {
    const cancel = this.#scheduler.after(null, ms, () => {
      if (!this.firesTimers) return
      run.timers.delete(seq)
      this.#deliver(run, { kind: 'timer', seq })
    })
    run.timers.set(seq, { at: this.#scheduler.now + ms, cancel })
  }

  #endTimer(run: Run, seq: number): void {
    run.timers.get(seq)?.cancel()
    run.timers.delete(seq)
  }

  #schedule(run: Run, { seq, type, input }: Extract<Command, { kind: 'activity' }>): void {
    const activity: PendingActivity = { seq, type, input, scheduledAt: this.#scheduler.now, attempt: 1, token: null }
    run.activities.set(seq, activity)
    this.#scheduler.soon(null, () => this.#giveActivity(run, activity))
  }

  #giveActivity(run: Run, activity: PendingActivity): void {
    if (run.activities.get(activity.seq) !== activity || activity.token) return
    if (this.#pollers.length === 0) {
      this.#backlog.push(() => this.#giveActivity(run, activity))
      return
    }
    const token: TaskToken = { cancel: () => {} }
    activity.token = token
    const { type, input, attempt } = activity
    token.cancel = this.#scheduler.after(null, retryPolicyOf(type).startToClose, () => {
      if (run.activities.get(activity.seq) === activity && activity.token === token) {
        activity.token = null
        this.#retryLater(run, activity, new Error('the attempt timed out'))
      }
    })
    this.#scheduler.random.pick(this.#pollers).takeActivityTask({ run, token, type, input, attempt })
  }

  #retryLater(run: Run, activity: PendingActivity, why: Error): void {
    const { attempts, firstPause, longestPause, scheduleToClose } = retryPolicyOf(activity.type)
    const pause = Math.min(longestPause, firstPause * 2 ** (activity.attempt - 1))
    const isOver = this.#scheduler.now + pause - activity.scheduledAt > scheduleToClose
    if (isOver || activity.attempt >= attempts) {
      this.#endActivity(run, activity, { failure: why })
      return
    }
    activity.attempt += 1
    this.#scheduler.after(null, pause, () => this.#giveActivity(run, activity))
  }

  #endActivity(run: Run, { seq, type }: PendingActivity, outcome: Outcome): void {
    run.activities.delete(seq)
    const wrapped = 'result' in outcome ? outcome : { failure: activityFailure(type, outcome.failure) }
    this.#deliver(run, { kind: 'activity', seq, outcome: wrapped })
  }
}
