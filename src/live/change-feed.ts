/** Everything that changes, told to everyone in this process who asked: one look at the database serves them all. */
import type { Logger } from 'pino'
import { type ChangedEmail, type ChangePlace, currentPlace, readChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import type { ChangeListener } from './change-listener.ts'

export type { ChangedEmail } from '../db/changes.ts'

/** Which changes are wanted; what is left out does not matter. Looks at the email as it is after the change. */
export interface ChangeFilter {
  readonly id?: string | undefined
  readonly provider?: string | undefined
  readonly status?: string | undefined
  readonly priority?: string | undefined
  readonly tag?: string | undefined
}

/** Emails that changed, each as it is now. */
export interface Changes {
  readonly emails: readonly ChangedEmail[]
  /** Where to resume once all of these were told: everything before it was. */
  readonly place: ChangePlace
}

/** Told of changes, in order. Empty `emails`: nothing that passes the filter, but the place has moved. */
export type OnChange = (changes: Changes) => void

export interface Subscription {
  /** From where on `onChange` is told. */
  readonly place: ChangePlace
  end(): void
}

export interface ChangeFeed {
  /**
   * Tells `onChange` of every change that is committed after this resolves, soon after its commit.
   * @throws DatabaseUnavailableError and what else the database says when it cannot be asked.
   */
  subscribe(filter: ChangeFilter, onChange: OnChange): Promise<Subscription>
  close(): Promise<void>
}

export interface ChangeFeedOptions {
  readonly db: Database
  /** Makes the connection on which the bell is heard; made when somebody subscribes first. */
  readonly listen: (onRing: () => void) => ChangeListener
  readonly log: Pick<Logger, 'warn'>
  /** Looks without a ring: for changes whose writer died before it rang. Default 5 seconds. */
  readonly lookEveryMs?: number
}

/** Rings that come within this are answered by one look. */
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
  #place: ChangePlace | null = null
  #looking: Promise<void> | null = null
  #isRung = false
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: ChangeFeedOptions) {
    this.#options = { lookEveryMs: 5_000, ...options }
  }

  async subscribe(filter: ChangeFilter, onChange: OnChange): Promise<Subscription> {
    this.#listener ??= this.#options.listen(() => this.#look())
    const subscriber = { filter, onChange }
    // A feed nobody listened to has not looked: it begins where this subscriber does.
    if (this.#subscribers.size === 0) this.#place = null
    const place = await currentPlace(this.#options.db)
    this.#place ??= place
    this.#subscribers.add(subscriber)
    this.#timer ??= setInterval(() => this.#look(), this.#options.lookEveryMs).unref()
    return { place, end: () => this.#end(subscriber) }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer) clearInterval(this.#timer)
    this.#subscribers.clear()
    await this.#looking
    await this.#listener?.close()
  }

  #end(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
    if (this.#subscribers.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #look(): void {
    this.#isRung = true
    if (this.#subscribers.size > 0 && !this.#isClosed) this.#looking ??= this.#lookWhileRung()
  }

  async #lookWhileRung(): Promise<void> {
    while (this.#isRung && !this.#isClosed && this.#subscribers.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, gatherMs))
      this.#isRung = false
      try {
        await this.#lookOnce()
      } catch (error) {
        // The place has not moved: the next look, at the latest in `lookEveryMs`, tells all of it.
        this.#options.log.warn({ reason: error instanceof Error ? error.name : 'unknown' }, 'changes could not be read')
      }
    }
    this.#looking = null
  }

  async #lookOnce(): Promise<void> {
    const since = this.#place
    if (since === null) return
    const place = await currentPlace(this.#options.db)
    if (place === since) return
    let page: ChangedEmail[] = []
    for await (const next of readChanges(this.#options.db, since, place)) {
      if (page.length > 0) this.#tell({ emails: page, place: since })
      page = next
    }
    this.#place = place
    this.#tell({ emails: page, place })
  }

  #tell({ emails, place }: Changes): void {
    for (const { filter, onChange } of [...this.#subscribers]) {
      onChange({ emails: emails.filter((email) => passesFilter(email, filter)), place })
    }
  }
}

/** Whether a change is one that the filter asks for. */
export const passesFilter = (email: ChangedEmail, filter: ChangeFilter): boolean =>
  (filter.id === undefined || email.id === filter.id) &&
  (filter.provider === undefined || email.provider === filter.provider) &&
  (filter.status === undefined || email.status === filter.status) &&
  (filter.priority === undefined || email.priority === filter.priority) &&
  (filter.tag === undefined || email.tags.includes(filter.tag))
