/** One run of a workflow in a worker's cache: the real loop, on a runtime that records its commands. */
import { isDeepStrictEqual } from 'node:util'
import type { KeywordKey, RunEnd, WorkflowRuntime, WorkflowTimer } from '../../src/workflows/workflow-runtime.ts'

/** What the server sends to a run. */
export type Job =
  | { readonly kind: 'signal'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'update'; readonly id: string; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'timer'; readonly seq: number }
  | { readonly kind: 'activity'; readonly seq: number; readonly outcome: Outcome }

export type Outcome = { readonly result: unknown } | { readonly failure: Error }

/** What a run sends to the server. The result of a local activity belongs to the same task. */
export type Command =
  | { readonly kind: 'timer'; readonly seq: number; readonly ms: number }
  | { readonly kind: 'cancelTimer'; readonly seq: number }
  | {
      readonly kind: 'activity'
      readonly seq: number
      readonly type: string
      readonly input: unknown
      readonly isLocal: boolean
    }
  | { readonly kind: 'patch'; readonly id: string }
  | { readonly kind: 'attributes'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'updateAccepted' | 'updateDone'; readonly id: string; readonly outcome?: Outcome }
  | { readonly kind: 'end'; readonly end: RunEnd<unknown, unknown> }

/** One activation of a run: its time, its jobs, and the resulting commands. */
export interface Activation {
  readonly time: number
  readonly jobs: readonly Job[]
  readonly isContinueAsNewSuggested: boolean
  readonly commands: readonly Command[]
}

/** The parts of a workflow function: its message handlers and its loop. */
export interface Workflow {
  handle(name: string, args: readonly unknown[]): unknown
  /** The validator of an update: throws if it is refused. */
  validate(name: string, args: readonly unknown[]): void
  run(): Promise<RunEnd<unknown, unknown>>
}

export type StartWorkflow = (input: unknown, runtime: WorkflowRuntime) => Workflow

const microtasksDone = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** As with a payload converter: a run and the server share no objects. */
const copied = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value)))

const localNames = ['saveSnapshot', 'loadLife'] as const
const retryingNames = [
  ...localNames,
  'quarantineEvents',
  'countSoftBounce',
  'suppressRecipient',
  'recordEscalation',
] as const

export class WorkflowInstance {
  /** How many activations of the history it has processed. */
  position = 0
  /** The error of the workflow's code, which fails its task. */
  failure: unknown = null
  readonly #create: () => Workflow
  /** Created in the first task: its constructor may issue commands. */
  #workflow: Workflow | null = null
  #time = 0
  #isContinueAsNewSuggested = false
  #isReplaying = false
  #seq = 0
  #commands: Command[] = []
  readonly #attributes: Record<string, string>
  readonly #disabledPatches: ReadonlySet<string>
  readonly #patches = new Set<string>()
  /** Patches that this instance has called: each is recorded once. */
  readonly #called = new Set<string>()
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>()
  readonly #timers = new Map<number, () => void>()
  #conditions: { isMet: () => boolean; resolve: () => void }[] = []
  #unfinishedHandlers = 0

  constructor(
    start: StartWorkflow,
    { input, attributes }: { readonly input: unknown; readonly attributes: Readonly<Record<string, string>> },
    disabledPatches: ReadonlySet<string>,
  ) {
    this.#disabledPatches = disabledPatches
    this.#attributes = { ...attributes }
    this.#create = () => start(copied(input), this.#runtime())
  }

  /** Replays the run's history. @throws if the commands differ from the recorded ones. */
  async replay(history: readonly Activation[]): Promise<void> {
    for (const { commands } of history)
      for (const command of commands) if (command.kind === 'patch') this.#patches.add(command.id)
    this.#isReplaying = true
    for (const activation of history) {
      const commands = await this.activate(activation)
      if (!isDeepStrictEqual(commands, activation.commands)) {
        const [then, now] = [activation.commands, commands].map((those) => JSON.stringify(those))
        throw new Error(`not deterministic: at first ${then}, now ${now}`)
      }
    }
    this.#isReplaying = false
  }

  async activate({ time, jobs, isContinueAsNewSuggested }: Omit<Activation, 'commands'>): Promise<readonly Command[]> {
    this.#time = time
    this.#isContinueAsNewSuggested = isContinueAsNewSuggested
    this.#commands = []
    const isFirst = this.#workflow === null
    this.#workflow ??= this.#create()
    for (const job of jobs) this.#deliver(job, this.#workflow)
    if (isFirst) this.#run(this.#workflow)
    do await microtasksDone()
    while (this.#unblock() > 0)
    this.position += 1
    return this.#commands
  }

  #run(workflow: Workflow): void {
    workflow.run().then(
      (end) => this.#commands.push({ kind: 'end', end: copied(end) }),
      (error) => {
        this.failure = error
      },
    )
  }

  #deliver(job: Job, workflow: Workflow): void {
    if (job.kind === 'signal') this.#handle(async () => workflow.handle(job.name, copied(job.args)))
    else if (job.kind === 'update') this.#update(job, workflow)
    else if (job.kind === 'timer') this.#timers.get(job.seq)?.()
    else {
      const waiting = this.#waiting.get(job.seq)
      this.#waiting.delete(job.seq)
      if ('result' in job.outcome) waiting?.resolve(copied(job.outcome.result))
      else waiting?.reject(job.outcome.failure)
    }
  }

  #handle<T>(handler: () => Promise<T>): Promise<T> {
    this.#unfinishedHandlers += 1
    const handled = handler()
    const isFinished = () => {
      this.#unfinishedHandlers -= 1
    }
    handled.then(isFinished, isFinished)
    return handled
  }

  #update({ id, name, args }: Extract<Job, { kind: 'update' }>, workflow: Workflow): void {
    const done = (outcome: Outcome) =>
      this.#commands.push({ kind: 'updateDone', id, outcome: 'result' in outcome ? copied(outcome) : outcome })
    try {
      workflow.validate(name, args)
    } catch (error) {
      done({ failure: error as Error })
      return
    }
    this.#commands.push({ kind: 'updateAccepted', id })
    this.#handle(async () => workflow.handle(name, args)).then(
      (result) => done({ result }),
      (failure) => done({ failure }),
    )
  }

  #unblock(): number {
    const met = this.#conditions.filter(({ isMet }) => isMet())
    this.#conditions = this.#conditions.filter((condition) => !met.includes(condition))
    for (const { resolve } of met) resolve()
    return met.length
  }

  #runtime(): WorkflowRuntime {
    const call = (type: string, isLocal: boolean) => (input: unknown) =>
      new Promise<never>((resolve, reject) => {
        const seq = this.#seq++
        this.#waiting.set(seq, { resolve: resolve as (value: unknown) => void, reject })
        this.#commands.push({ kind: 'activity', seq, type, input: copied(input), isLocal })
      })
    const calls = (names: readonly string[], isLocal: boolean) =>
      Object.fromEntries(names.map((name) => [name, call(name, isLocal)])) as never
    return {
      now: () => this.#time,
      condition: (isMet, timeoutMs) => this.#condition(isMet, timeoutMs),
      startTimer: (ms) => this.#startTimer(ms),
      patched: (id) => this.#patched(id),
      continueAsNewSuggested: () => this.#isContinueAsNewSuggested,
      allHandlersFinished: () => this.#unfinishedHandlers === 0,
      searchAttribute: (key: KeywordKey) => this.#attributes[key.name],
      upsertSearchAttributes: (changes) => {
        const values = Object.fromEntries(changes.map(({ key, value }) => [key.name, value]))
        Object.assign(this.#attributes, values)
        this.#commands.push({ kind: 'attributes', values })
      },
      setCurrentDetails: () => {},
      logError: () => {},
      local: calls(localNames, true),
      retrying: calls(retryingNames, false),
      askProvider: call('askProvider', false),
      tellSupport: call('tellSupport', false),
    }
  }

  async #condition(isMet: () => boolean, timeoutMs?: number): Promise<boolean> {
    if (isMet()) return true
    const timer = timeoutMs === undefined ? null : this.#startTimer(timeoutMs)
    await new Promise<void>((resolve) =>
      this.#conditions.push({ isMet: () => isMet() || (timer?.hasFired ?? false), resolve }),
    )
    if (!timer?.hasFired) timer?.cancel()
    return isMet()
  }

  #startTimer(ms: number): WorkflowTimer {
    const seq = this.#seq++
    this.#commands.push({ kind: 'timer', seq, ms })
    const timer = {
      hasFired: false,
      cancel: () => {
        if (this.#timers.delete(seq)) this.#commands.push({ kind: 'cancelTimer', seq })
      },
    }
    this.#timers.set(seq, () => {
      this.#timers.delete(seq)
      timer.hasFired = true
    })
    return timer
  }

  #patched(id: string): boolean {
    if (this.#disabledPatches.has(id) || (this.#isReplaying && !this.#patches.has(id))) return false
    this.#patches.add(id)
    if (!this.#called.has(id)) this.#commands.push({ kind: 'patch', id })
    this.#called.add(id)
    return true
  }
}
