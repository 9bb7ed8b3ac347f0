/** The inbox stores events durably and relays them to workflows. */
import type { ReceivedEvent } from '../domain/events.ts'
import type { Registration } from '../domain/registration.ts'

export interface AppendResult {
  /** New events. */
  readonly received: number
  readonly duplicates: number
}

export interface Inbox {
  /**
   * Stores events and relays them to their workflows. Resolves after the commit, within 2 seconds.
   * @throws DatabaseUnavailableError when the commit was not confirmed: the provider must send the events again.
   */
  append(events: readonly ReceivedEvent[]): Promise<AppendResult>
  /**
   * Stores an email that an application sends, and relays the registration. Registering again merges.
   * @returns whether this is the first registration of the email.
   * @throws DatabaseUnavailableError when nothing was stored.
   */
  register(registration: Registration): Promise<{ created: boolean }>
}
