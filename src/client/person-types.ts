/** The types of what the API answers about a person. Times are ISO 8601 texts. */
import type { EmailStatus, Engagement, Failure, Priority, Suppression } from './types.ts'

/** What became of an email to the person, for this person alone. */
export interface PersonEmail {
  readonly id: string
  readonly provider: string
  readonly subject: string | null
  readonly priority: Priority
  readonly tags: readonly string[]
  readonly externalId: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly status: EmailStatus
  readonly delivery: string
  /** Whether all this is known of the email with its several recipients only. */
  readonly isOfWholeEmail: boolean
  readonly failure: PersonFailure | null
  readonly opens: Engagement
  readonly clicks: Engagement
  readonly scheduledFor: string | null
  readonly sentAt: string | null
  readonly deliveredAt: string | null
  readonly complainedAt: string | null
  readonly createdAt: string
}

export interface PersonFailure extends Failure {
  readonly at: string | null
}

/** An entry of the suppression list, active or removed. */
export interface PersonSuppression {
  readonly reason: NonNullable<Suppression['reason']>
  readonly since: string
  readonly removedAt: string | null
  readonly provider: string | null
  readonly emailId: string | null
  /** The event that caused it; null for one made by hand or imported. */
  readonly eventId: string | null
  /** How that event was judged. */
  readonly failure: Failure | null
  readonly addedBy: string | null
  readonly note: string | null
  readonly removedBy: string | null
  readonly removalNote: string | null
  /** Whether only a keyed hash of the address is stored. */
  readonly erased: boolean
}

export interface Person {
  /** Normalised: without display name, in lower case. */
  readonly address: string
  readonly nextStep: {
    /** Who must act. */
    readonly actor: Failure['party'] | 'nobody'
    /** What is the matter and what to do, for people who answer customers. */
    readonly sentence: string
  }
  /** What happened last; null if nothing is known. */
  readonly last: {
    readonly what: string
    readonly at: string
    readonly email: { readonly id: string; readonly provider: string; readonly subject: string | null } | null
    readonly failure: PersonFailure | null
  } | null
  readonly suppressed: boolean
  /** Whether the person was erased, and a suppression is kept under a keyed hash. */
  readonly erased: boolean
  readonly suppression: PersonSuppression | null
  /** Removed ones, newest first. */
  readonly formerSuppressions: readonly PersonSuppression[]
  /** The last event of each list that the person left or joined. `list` is null for all emails. */
  readonly subscriptions: readonly {
    readonly provider: string
    readonly list: string | null
    readonly state: 'unsubscribed' | 'resubscribed'
    readonly at: string
    readonly emailId: string
    readonly eventId: string
  }[]
  /** Up to 100,000. */
  readonly emailCount: number
  /** Newest first. */
  readonly emails: { readonly data: readonly PersonEmail[]; readonly nextCursor: string | null }
}
