/** A worker process: caches runs, replays those that are not in its cache, and runs activities. */
import { ApplicationFailure } from '@temporalio/common'
import type { LifecycleActivities } from '../../src/activities/lifecycle-activities.ts'
import type { FakeTemporal } from './fake-temporal.ts'
import type { Network } from './network.ts'
import { Process, type Scheduler } from './scheduler.ts'
import { type ActivityTask, activityFailure, type Run, type WorkflowTask } from './temporal-tasks.ts'
import {
  type Activation,
  type Command,
  type Job,
  type Outcome,
  type StartWorkflow,
  WorkflowInstance,
} from './workflow-instance.ts'

export interface WorkerOptions {
  readonly name: string
  readonly scheduler: Scheduler
  readonly temporal: FakeTemporal
  /** Between this worker and Temporal. */
  readonly network: Network
  /** By the name of their type. */
  readonly workflows: Readonly<Record<string, StartWorkflow>>
  /** Patch IDs for which `patched` returns false. */
  readonly disabledPatches: ReadonlySet<string>
  /** The activities of this process. */
  readonly activities: (process: Process, attempt: number) => LifecycleActivities
}

type LocalCall = Extract<Command, { kind: 'activity' }>

const localTimeoutMs = 2_000
const localAttempts = 2
const localPauseMs = 100
/** The deadline of a call to Temporal. */
const rpcDeadlineMs = 5_000

export class FakeWorker {
  readonly process: Process
  readonly #options: WorkerOptions
  readonly #cached = new Map<Run, WorkflowInstance>()
  readonly #stopPolling: () => void

  constructor(options: WorkerOptions) {
    this.#options = options
    this.process = new Process(options.name)
    this.#stopPolling = options.temporal.poll({
      takeWorkflowTask: (task) => void this.#takeWorkflowTask(task),
      takeActivityTask: (task) => void this.#takeActivityTask(task),
    })
  }

  /** As SIGKILL: the servers may still execute its requests, whose answers are dropped. */
  kill(): void {
    this.process.isAlive = false
    this.#stopPolling()
  }

  async #takeWorkflowTask(task: WorkflowTask): Promise<void> {
    const { temporal, network, scheduler } = this.#options
    try {
      const instance = await scheduler.atomically(() => this.#instanceOf(task.run))
      const activations = await this.#execute(instance, task)
      if (instance.failure) throw instance.failure
      const isTaken = await network.call(this.process, rpcDeadlineMs, () =>
        temporal.completeWorkflowTask(task, activations),
      )
      if (!isTaken) this.#cached.delete(task.run)
    } catch (error) {
      this.#cached.delete(task.run)
      // A lost answer is no violation: the server hands the task out again.
      if (!isLostCall(error))
        temporal.failWorkflowTask(task, error instanceof Error ? (error.stack ?? '') : String(error))
    }
  }

  async #instanceOf(run: Run): Promise<WorkflowInstance> {
    const cached = this.#cached.get(run)
    if (cached && cached.position === run.history.length) return cached
    const start = this.#options.workflows[run.type]
    if (!start) throw new Error(`no workflow ${run.type}`)
    const instance = new WorkflowInstance(start, run, this.#options.disabledPatches)
    await instance.replay(run.history)
    this.#cached.set(run, instance)
    return instance
  }

  /** Activates the run with the task's jobs, and then with the results of its local activities, until it waits for other input. */
  async #execute(instance: WorkflowInstance, task: WorkflowTask): Promise<Activation[]> {
    const { scheduler } = this.#options
    const activations: Activation[] = []
    const inFlight = new Map<number, Promise<Job>>()
    for (let jobs: readonly Job[] = task.jobs; ; ) {
      const turn = { time: scheduler.now, jobs, isContinueAsNewSuggested: task.isContinueAsNewSuggested }
      const commands = await scheduler.atomically(() => instance.activate(turn))
      activations.push({ ...turn, commands })
      for (const command of commands)
        if (command.kind === 'activity' && command.isLocal) inFlight.set(command.seq, this.#runLocally(command))
      if (inFlight.size === 0 || instance.failure) return activations
      const done = await Promise.race(inFlight.values())
      if (done.kind === 'activity') inFlight.delete(done.seq)
      jobs = [done]
    }
  }

  async #runLocally({ seq, type, input }: LocalCall): Promise<Job> {
    const { scheduler } = this.#options
    const timeout = scheduler.sleep(this.process, localTimeoutMs).then(() => 'timeout' as const)
    let failure = new Error('the attempt timed out')
    for (let attempt = 1; attempt <= localAttempts; attempt++) {
      const outcome = await Promise.race([this.#run(type, input, attempt), timeout])
      if (outcome === 'timeout') break
      if ('result' in outcome) return { kind: 'activity', seq, outcome }
      failure = outcome.failure
      if (failure instanceof ApplicationFailure && failure.nonRetryable) break
      await scheduler.sleep(this.process, localPauseMs)
    }
    return { kind: 'activity', seq, outcome: { failure: activityFailure(type, failure) } }
  }

  async #takeActivityTask(task: ActivityTask): Promise<void> {
    const { temporal, network } = this.#options
    const outcome = await this.#run(task.type, task.input, task.attempt)
    // After three tries the server times the attempt out.
    for (let tries = 0; tries < 3; tries++) {
      try {
        return await network.call(this.process, rpcDeadlineMs, () => temporal.completeActivityTask(task, outcome))
      } catch {
        // Retried: the server ignores a repeated answer.
      }
    }
  }

  async #run(type: string, input: unknown, attempt: number): Promise<Outcome> {
    const activity = this.#options.activities(this.process, attempt)[type as keyof LifecycleActivities]
    try {
      return { result: await activity(input as never) }
    } catch (failure) {
      return { failure: failure as Error }
    }
  }
}

/** A call between worker and Temporal failed. */
export class LostCallError extends Error {}
const isLostCall = (error: unknown): boolean => error instanceof LostCallError
