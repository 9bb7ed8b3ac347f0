import assert from 'node:assert/strict'
import type { LifecycleEvent, Priority } from '../../src/domain/events.ts'
import { runEmail } from '../../src/workflows/email-lifecycle.ts'
import { EmailState } from '../../src/workflows/email-state.ts'
import type { WorkflowRuntime } from '../../src/workflows/workflow-runtime.ts'

const minute = 60_000
const policy = {
  stallAfterMs: { critical: 10 * minute, normal: 240 * minute, bulk: 1_440 * minute },
  escalationRepeatAfterMs: 30 * minute,
  lingerAfterSettledMs: minute,
  giveUpAfterMs: 14 * 1_440 * minute,
}

/** One run, on a runtime whose activities succeed at once and whose clock the test sets. */
class Run {
  now = 0
  /** The durations of all started timers. */
  readonly timers: number[] = []
  readonly shown: string[] = []
  readonly #attributes = new Map([
    ['EmailStatus', 'queued'],
    ['EmailPriority', 'normal'],
  ])
  readonly #armed: { at: number; hasFired: boolean }[] = []
  readonly #conditions: { isMet: () => boolean; resolve: (isMet: boolean) => void }[] = []
  #email: EmailState | null = null
  status: string | null = null

  /** Starts the run as a signal does: with an event. */
  #start(event: LifecycleEvent): EmailState {
    const input = { provider: 'aisend', emailId: 'em_1', policy }
    const runtime = this.#runtime()
    const email = new EmailState(input, runtime)
    email.enqueue([event])
    void runEmail(input, email, runtime).then((end) => {
      this.status = 'result' in end ? end.result : 'continued'
    })
    return email
  }

  #runtime(): WorkflowRuntime {
    const activities = {
      saveSnapshot: async () => ({ outcome: 'saved', change: '' }),
      suppressRecipient: async () => 'suppressed',
      recordEscalation: async () => ({ channels: ['webhook'], version: 1 }),
    } as unknown as WorkflowRuntime['retrying']
    return {
      now: () => this.now,
      condition: async (isMet) =>
        isMet() || (await new Promise((resolve) => this.#conditions.push({ isMet, resolve }))),
      startTimer: (ms) => {
        this.timers.push(ms)
        const timer = {
          at: this.now + ms,
          hasFired: false,
          cancel: () => this.#armed.splice(this.#armed.indexOf(timer), 1),
        }
        this.#armed.push(timer)
        return timer
      },
      patched: () => true,
      continueAsNewSuggested: () => false,
      allHandlersFinished: () => true,
      searchAttribute: ({ name }) => this.#attributes.get(name),
      upsertSearchAttributes: (changes) => {
        for (const { key, value } of changes) this.#attributes.set(key.name, value)
        this.shown.push(this.#attributes.get('EmailStatus') ?? '')
      },
      setCurrentDetails: () => {},
      logError: () => {},
      local: activities,
      retrying: activities,
      askProvider: async () => ({ note: 'No delivery is known.', events: [] }),
      tellSupport: async () => 'told',
    }
  }

  /** Waits until the run waits for time or a message. */
  async #settle(): Promise<void> {
    for (let rounds = 0; rounds < 20; rounds++) {
      await new Promise((resolve) => setImmediate(resolve))
      const met = this.#conditions.filter(({ isMet }) => isMet())
      for (const condition of met) {
        this.#conditions.splice(this.#conditions.indexOf(condition), 1)
        condition.resolve(true)
      }
    }
  }

  /** Moves the clock to `at` and fires each timer on the way. Nothing else wakes the run. */
  async until(at: number): Promise<void> {
    for (;;) {
      const [next] = this.#armed.filter((timer) => !timer.hasFired && timer.at <= at).toSorted((a, b) => a.at - b.at)
      if (!next) break
      this.now = next.at
      next.hasFired = true
      await this.#settle()
    }
    this.now = at
  }

  async enqueue(type: string, more: object = {}): Promise<void> {
    const facts = { id: `${type}-${this.now}`, type, occurredAt: this.now, receivedAt: this.now, ...more }
    const event = facts as LifecycleEvent
    if (this.#email) this.#email.enqueue([event])
    else this.#email = this.#start(event)
    await this.#settle()
  }

  register = (priority: Priority) => this.enqueue('registered', { as: 'sent', priority })
}

describe('the loop of a run', () => {
  it('needs one timer for an email that is delivered within half a minute, and completes by it', async () => {
    const run = new Run()
    await run.enqueue('sent')
    await run.until(minute / 4)
    await run.enqueue('delivered')
    await run.until(minute - 1)
    assert.equal(run.status, null)
    await run.until(minute)
    assert.equal(run.status, 'delivered')
    assert.deepEqual(run.timers, [minute])
  })

  it('needs one more for an email that is delivered shortly before it fires', async () => {
    const run = new Run()
    await run.enqueue('sent')
    await run.until(minute - 5_000)
    await run.enqueue('delivered')
    await run.until(2 * minute - 5_001)
    assert.equal(run.status, null)
    await run.until(2 * minute - 5_000)
    assert.deepEqual([run.status, run.timers], ['delivered', [minute, minute - 5_000]])
  })

  it('sets a timer for the stall of an email that is not delivered, and replaces it when delivery settles', async () => {
    const run = new Run()
    await run.enqueue('sending')
    await run.until(100 * minute)
    await run.enqueue('delivered')
    await run.until(101 * minute)
    assert.equal(run.status, 'delivered')
    assert.deepEqual(run.timers, [minute, 239 * minute, minute])
    assert.deepEqual(run.shown, ['sending', 'delivered'])
  })

  it('starts no timer to complete while a notice is due later, and completes once the notice is sent', async () => {
    const run = new Run()
    await run.register('critical')
    await run.until(minute / 2)
    await run.enqueue('bounced', { bounce: { class: 'hard', code: '5.1.1' } })
    await run.until(30.5 * minute - 1)
    assert.equal(run.status, null)
    await run.until(30.5 * minute)
    assert.deepEqual([run.status, run.timers], ['bounced', [minute, 29.5 * minute]])
  })
})
