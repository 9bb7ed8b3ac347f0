import type {
  CustomSlotSupplier,
  SlotMarkUsedContext,
  SlotPermit,
  SlotReleaseContext,
  SlotReserveContext,
  WorkflowSlotInfo,
} from '@temporalio/worker'

export interface WorkflowSlotsOptions {
  /** Workflow tasks at once. Default 40, the SDK's own. */
  readonly slots?: number
  /** Replays at once as long as nobody knows how long they take. Default 6. */
  readonly firstReplays?: number
  /** A replay that takes longer makes for fewer at once. Default 1 second: well within a workflow task's timeout. */
  readonly slowAfterMs?: number
}

/** So few that a poll of each of the two queues can be open. */
const leastReplays = 2

interface Permit extends SlotPermit {
  readonly isStickyPoll: boolean
  /** What became of it: a poll that is open, a task of a life in memory, or one whose life is replayed. */
  use: 'poll' | 'cached' | 'replay'
  /** By `performance.now()`. */
  sinceMs: number
}

interface Waiting {
  readonly isStickyPoll: boolean
  grant(): void
}

/**
 * The slots of a worker's workflow tasks, so that it replays no more lives at once than it can within their tasks' timeout.
 *
 * A replay that outlasts the timeout is in vain: Temporal gives the task to somebody else, the worker forgets the life, and all
 * begins again. With a fixed number of slots, a worker that has lost its memory (it is new, or Temporal was away) and is short
 * of CPU replays all slots' lives at once, each so slowly that none ends in time. So as TCP does with what is under way: a
 * replay in time lets one more be tried, one that was slow halves their number. What is not taken waits in Temporal, without a
 * timeout. Tasks of lives in memory are not limited by this.
 *
 * A poll that is open counts as a replay, since any may bring one: those of the worker's own queue too, once others have waited
 * for ten seconds (Temporal Server 1.32, github.com/temporalio/temporal/pull/8925).
 */
export class WorkflowSlots implements CustomSlotSupplier<WorkflowSlotInfo> {
  readonly type = 'custom'
  readonly #options: Required<WorkflowSlotsOptions>
  readonly #taken = new Set<Permit>()
  readonly #waiting = new Set<Waiting>()
  #mayReplay: number
  #loweredAtMs = Number.NEGATIVE_INFINITY

  constructor(options: WorkflowSlotsOptions = {}) {
    this.#options = { slots: 40, firstReplays: 6, slowAfterMs: 1_000, ...options }
    this.#mayReplay = Math.min(this.#options.firstReplays, this.#options.slots)
  }

  reserveSlot({ isSticky }: SlotReserveContext, aborted: AbortSignal): Promise<SlotPermit> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(waiting)
        reject(aborted.reason)
      }
      const waiting: Waiting = {
        isStickyPoll: isSticky,
        grant: () => {
          this.#waiting.delete(waiting)
          aborted.removeEventListener('abort', abort)
          resolve(this.#take(isSticky))
        },
      }
      this.#waiting.add(waiting)
      aborted.addEventListener('abort', abort, { once: true })
      this.#grantWhatHasRoom()
    })
  }

  tryReserveSlot({ isSticky }: SlotReserveContext): SlotPermit | null {
    return this.#hasRoom(isSticky) ? this.#take(isSticky) : null
  }

  markSlotUsed({ permit, slotInfo }: SlotMarkUsedContext<WorkflowSlotInfo>): void {
    Object.assign(permit, { use: slotInfo.isSticky ? 'cached' : 'replay', sinceMs: performance.now() })
    this.#grantWhatHasRoom()
  }

  releaseSlot({ permit }: SlotReleaseContext<WorkflowSlotInfo>): void {
    this.#learnFrom(permit as Permit)
    this.#taken.delete(permit as Permit)
    this.#grantWhatHasRoom()
  }

  #learnFrom({ use, sinceMs }: Permit): void {
    if (use === 'poll') return
    const now = performance.now()
    const isSlow = now - sinceMs >= this.#options.slowAfterMs
    if (isSlow && sinceMs >= this.#loweredAtMs) {
      // Once for all that were under way together.
      this.#mayReplay = Math.max(leastReplays, Math.floor(this.#mayReplay / 2))
      this.#loweredAtMs = now
    } else if (!isSlow && use === 'replay' && this.#tally().replays >= this.#mayReplay / 2) {
      this.#mayReplay = Math.min(this.#options.slots, this.#mayReplay + 1)
    }
  }

  #hasRoom(isStickyPoll: boolean): boolean {
    if (this.#taken.size >= this.#options.slots) return false
    const { stickyPolls, normalPolls, replays } = this.#tally()
    const [openPolls, othersPolls] = isStickyPoll ? [stickyPolls, normalPolls] : [normalPolls, stickyPolls]
    // What is open cannot be taken back when fewer may be replayed: that must not keep the other queue from being polled.
    if (openPolls === 0) return replays < this.#mayReplay - (isStickyPoll ? 0 : 1)
    const leftForTheOther = othersPolls === 0 && !(isStickyPoll && replays > 0) ? 1 : 0
    return openPolls < this.#mayReplay / 2 && openPolls + othersPolls + replays + leftForTheOther < this.#mayReplay
  }

  #tally(): { stickyPolls: number; normalPolls: number; replays: number } {
    const tally = { stickyPolls: 0, normalPolls: 0, replays: 0 }
    for (const { use, isStickyPoll } of this.#taken) {
      if (use === 'replay') tally.replays += 1
      else if (use === 'poll') tally[isStickyPoll ? 'stickyPolls' : 'normalPolls'] += 1
    }
    return tally
  }

  #take(isStickyPoll: boolean): Permit {
    const permit: Permit = { isStickyPoll, use: 'poll', sinceMs: performance.now() }
    this.#taken.add(permit)
    return permit
  }

  #grantWhatHasRoom(): void {
    for (const waiting of this.#waiting) if (this.#hasRoom(waiting.isStickyPoll)) waiting.grant()
  }
}
