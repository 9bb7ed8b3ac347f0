/** What a stored bounce means for its recipient. */
import { softBounceLimitCode } from './bounce-policy.ts'
import type { BounceClass, ReceivedBounce } from './events.ts'
import {
  countsTowardsSuppression,
  type FailureJudgement,
  type FailureOutcome,
  isHeldAgainstRecipient,
  outcomeOf,
} from './failure.ts'
import { judgeFailure } from './judge-failure.ts'

/** A bounce's judgement, and what it means for the delivery. */
export interface JudgedBounce extends FailureJudgement {
  readonly outcome: FailureOutcome
}

/** Judges a bounce by its facts. A `bounced` event without facts is a hard bounce that says no more. */
export function judgeBounce(bounce: ReceivedBounce | null): JudgedBounce {
  const code = bounce?.code ?? null
  const judgement = judgeFailure({
    word: code === softBounceLimitCode ? code : (bounce?.word ?? 'bounced'),
    subWord: bounce?.subWord ?? null,
    class: bounce?.class ?? 'hard',
    enhancedCode: code?.includes('.') ? code : null,
    replyCode: code !== null && /^\d{3}$/.test(code) ? code : null,
    text: bounce?.message ?? null,
    host: bounce?.host ?? null,
  })
  return { ...judgement, outcome: outcomeOf(judgement, bounce?.isOver ?? bounce?.class !== 'soft') }
}

/** Whether a bounce suppresses its recipient. */
export const suppressesRecipient = (bounce: ReceivedBounce | null): boolean => judgeBounce(bounce).outcome === 'bounced'

/**
 * Whether a bounce is one of those that suppress a recipient on several days: its mailbox is full or inactive, or the receiver refused
 * the address for good although the provider still tries.
 */
export function countsAsSoftBounce(bounce: ReceivedBounce | null): boolean {
  const judgement = judgeBounce(bounce)
  return countsTowardsSuppression(judgement) || (judgement.outcome === 'deferred' && isHeldAgainstRecipient(judgement))
}

/** The columns of a stored event that its bounce is read from. */
export interface BounceColumns {
  readonly bounce_class: string | null
  readonly bounce_code: string | null
  readonly bounce_message: string | null
  readonly bounce_word: string | null
  readonly bounce_sub_word: string | null
  readonly bounce_host: string | null
  readonly bounce_is_over: boolean | null
}

/** The bounce that an event's columns hold; null if they hold none. */
export const bounceIn = (row: BounceColumns): ReceivedBounce | null =>
  row.bounce_class === null
    ? null
    : {
        class: row.bounce_class as BounceClass,
        code: row.bounce_code,
        message: row.bounce_message,
        word: row.bounce_word,
        subWord: row.bounce_sub_word,
        host: row.bounce_host,
        ...(row.bounce_is_over !== null && { isOver: row.bounce_is_over }),
      }
