/** Why a delivery failed, as the API returns it. */
import type { StoredEvent } from '../db/emails-read.ts'
import { storedFailureOf } from '../db/snapshot-columns.ts'
import type { DeliveryFacts } from '../domain/delivery-facts.ts'
import type { ReceivedBounce } from '../domain/events.ts'
import type { FailureParty, FailureReason } from '../domain/failure.ts'
import { judgeBounce } from '../domain/judge-bounce.ts'

export interface FailureView {
  readonly reason: FailureReason
  readonly party: FailureParty
  /** Null if the event that says it was deleted. */
  readonly isFinal: boolean | null
  readonly code: string | null
  readonly evidence: string | null
  readonly rule: string | null
}

/** The judgement of a bounced event: the stored one, else, for an event of a version before 0.5, one made now. */
export function failureOfEvent(event: StoredEvent): FailureView {
  const stored = storedFailureOf(event)
  if (!stored) return viewOfJudged(bounceOf(event))
  const { failureIsFinal: isFinal, bounceCode: code, failureEvidence: evidence, failureRule: rule } = event
  return { reason: stored.reason, party: stored.party, isFinal, code, evidence, rule }
}

/**
 * Why a delivery failed: the judgement of its worst bounce. If that event was deleted, what the email or recipient stores of it.
 * @param events may hold those of other emails of the provider.
 */
export function failureOf({ bounce }: DeliveryFacts, events: readonly StoredEvent[]): FailureView | null {
  if (bounce === null) return null
  const event = events.find(({ eventId }) => eventId === bounce.eventId)
  if (event) return failureOfEvent(event)
  if (!bounce.failure) return viewOfJudged({ class: bounce.class, code: bounce.code, message: null })
  const { reason, party } = bounce.failure
  return { reason, party, isFinal: null, code: bounce.code, evidence: null, rule: null }
}

function viewOfJudged(bounce: ReceivedBounce | null): FailureView {
  const { reason, party, isFinal, evidence, rule } = judgeBounce(bounce)
  return { reason, party, isFinal, code: bounce?.code ?? null, evidence, rule }
}

function bounceOf(event: StoredEvent): ReceivedBounce | null {
  if (event.bounceClass === null) return null
  return {
    class: event.bounceClass === 'soft' ? 'soft' : 'hard',
    code: event.bounceCode,
    message: event.bounceMessage,
    word: event.bounceWord,
    subWord: event.bounceSubWord,
    host: event.bounceHost,
    ...(event.bounceIsOver !== null && { isOver: event.bounceIsOver }),
  }
}
