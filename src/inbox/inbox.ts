/** The inbox: what is in here is durable, and will be applied. */
import type { EmailKey, Priority, ReceivedEvent, RegisteredAs } from '../domain/events.ts'

/** How many events were new, and how many had been received before. */
export interface AppendResult {
  readonly received: number
  readonly duplicates: number
}

/** What an application says of an email when it sends it. Null leaves what is known as it is. */
export interface Registration extends EmailKey {
  /** Recipients as the application wrote them; at least one. */
  readonly to: readonly string[]
  readonly subject: string | null
  readonly tags: readonly string[] | null
  readonly priority: Priority | null
  readonly as: RegisteredAs
}

export interface Inbox {
  /**
   * Makes events durable and hands them on to their workflows. Resolves after the commit, within 2 seconds.
   * @throws DatabaseUnavailableError when they are not durable: the provider must send them again.
   */
  append(events: readonly ReceivedEvent[]): Promise<AppendResult>
  /**
   * Stores an email that an application sends and starts its life. Registering again merges.
   * @returns whether the email was unknown to applications before (201) or is merged (200).
   * @throws DatabaseUnavailableError when nothing was stored.
   */
  register(registration: Registration): Promise<{ created: boolean }>
}
