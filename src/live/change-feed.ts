/** Delivers changes to all subscribers in this process, with one read of the database for all of them. */
import type { Logger } from 'pino'
import { type ChangeCursor, type ChangedEmail, currentCursor, readChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { projectOf } from '../domain/project.ts'
import type { ChangeListener } from './change-listener.ts'

export type { ChangedEmail } from '../db/changes.ts'

/** Applies to the email after the change; an undefined field matches everything. */
export interface ChangeFilter {
  readonly id?: string | undefined
  readonly project?: string | undefined
  readonly provider?: string | undefined
  readonly status?: string | undefined
  readonly priority?: string | undefined
  readonly tag?: string | undefined
}

/** Emails that changed, each in its current state. */
interface Changes {
  readonly emails: readonly ChangedEmail[]
  /** Where to resume after these: everything before it was delivered. */
  readonly cursor: ChangeCursor
}

/** Receives changes in order. Without `emails`, nothing passed the filter but the cursor has moved. */
export type OnChange = (changes: Changes) => void

export interface Subscription {
  /** Where the subscription starts. */
  readonly cursor: ChangeCursor
  end(): void
}

export interface ChangeFeed {
  /**
   * Calls `onChange` with every change committed after this resolves, soon after its commit.
   * @throws DatabaseUnavailableError, and other errors of the database.
   */
  subscribe(filter: ChangeFilter, onChange: OnChange): Promise<Subscription>
  close(): Promise<void>
}

export interface ChangeFeedOptions {
  readonly db: Database
  /** Opens the connection for notifications, with the first subscription. */
  readonly listen: (onNotification: () => void) => ChangeListener
  readonly log: Pick<Logger, 'warn'>
  /** Polls without a notification too, for changes whose writer crashed before sending one. Default 5 seconds. */
  readonly pollEveryMs?: number
}

/** Notifications within this time share one read. */
const gatherMs = 20

interface Subscriber {
  readonly filter: ChangeFilter
  readonly onChange: OnChange
}

export const createChangeFeed = (options: ChangeFeedOptions): ChangeFeed => new DatabaseChangeFeed(options)

class DatabaseChangeFeed implements ChangeFeed {
  readonly #options: Required<ChangeFeedOptions>
  readonly #subscribers = new Set<Subscriber>()
  #listener: ChangeListener | null = null
  #cursor: ChangeCursor | null = null
  #polling: Promise<void> | null = null
  #isNotified = false
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: ChangeFeedOptions) {
    this.#options = { pollEveryMs: 5_000, ...options }
  }

  async subscribe(filter: ChangeFilter, onChange: OnChange): Promise<Subscription> {
    this.#listener ??= this.#options.listen(() => this.#poll())
    const subscriber = { filter, onChange }
    // Without subscribers the feed has not polled: it starts where this subscriber does.
    if (this.#subscribers.size === 0) this.#cursor = null
    const cursor = await currentCursor(this.#options.db)
    this.#cursor ??= cursor
    this.#subscribers.add(subscriber)
    this.#timer ??= setInterval(() => this.#poll(), this.#options.pollEveryMs).unref()
    return { cursor, end: () => this.#end(subscriber) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer) clearInterval(this.#timer)
    this.#subscribers.clear()
    await this.#polling
    await this.#listener?.close()
  }

  #end(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
    if (this.#subscribers.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #poll(): void {
    this.#isNotified = true
    if (this.#subscribers.size > 0 && !this.#isClosed) this.#polling ??= this.#pollWhileNotified()
  }

  async #pollWhileNotified(): Promise<void> {
    while (this.#isNotified && !this.#isClosed && this.#subscribers.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, gatherMs))
      this.#isNotified = false
      try {
        await this.#readOnce()
      } catch (error) {
        // The cursor has not moved: the next read, at the latest in `pollEveryMs`, delivers everything.
        this.#options.log.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'changes could not be read')
      }
    }
    this.#polling = null
  }

  async #readOnce(): Promise<void> {
    const since = this.#cursor
    if (since === null) return
    const cursor = await currentCursor(this.#options.db)
    if (cursor === since) return
    let page: ChangedEmail[] = []
    for await (const next of readChanges(this.#options.db, since, cursor)) {
      if (page.length > 0) this.#deliver({ emails: page, cursor: since })
      page = next
    }
    this.#cursor = cursor
    this.#deliver({ emails: page, cursor })
  }

  #deliver({ emails, cursor }: Changes): void {
    for (const { filter, onChange } of [...this.#subscribers]) {
      onChange({ emails: emails.filter((email) => passesFilter(email, filter)), cursor })
    }
  }
}

/** Whether a change matches the filter. */
export const passesFilter = (email: ChangedEmail, filter: ChangeFilter): boolean =>
  (filter.id === undefined || email.id === filter.id) &&
  (filter.project === undefined || projectOf(email.provider) === filter.project) &&
  (filter.provider === undefined || email.provider === filter.provider) &&
  (filter.status === undefined || email.status === filter.status) &&
  (filter.priority === undefined || email.priority === filter.priority) &&
  (filter.tag === undefined || email.tags.includes(filter.tag))
