import type { EmailKey, Priority, RegisteredAs } from './events.ts'
import type { OwnIds } from './own-ids.ts'

/** What an application registers about an email that it sends. Null changes nothing. */
export interface Registration extends EmailKey, Partial<OwnIds> {
  /** Recipients as the application wrote them; at least one. */
  readonly to: readonly string[]
  readonly subject: string | null
  readonly tags: readonly string[] | null
  readonly priority: Priority | null
  readonly as: RegisteredAs
}
