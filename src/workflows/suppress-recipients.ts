import { softBounceLimitCode } from '../domain/bounce-policy.ts'
import { bounceOutcomeOf } from '../domain/delivery-facts.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import type { SuppressionOutcome } from '../domain/suppression.ts'
import type { WorkflowRuntime } from './workflow-runtime.ts'

/** Whether the event suppresses its recipient: a bounce that is held against it, or a complaint. */
export const isSuppressing = (event: LifecycleEvent): boolean =>
  event.type === 'complained' || (event.type === 'bounced' && bounceOutcomeOf(event.bounce) === 'bounced')

/** Whether the event may be one of several that add up to a bounce of its recipient. */
export function mayCountAsSoftBounce(event: LifecycleEvent): boolean {
  if (event.type !== 'bounced') return false
  const { class: bounceClass, failure } = event.bounce
  return failure ? failure.outcome !== 'bounced' && failure.party === 'recipient' : bounceClass === 'soft'
}

/**
 * Suppresses the recipients of these hard bounces and complaints.
 * @returns whether the recipient of one of them is unclear.
 */
export async function suppressRecipients(
  email: EmailKey,
  suppressing: readonly LifecycleEvent[],
  { retrying, patched }: WorkflowRuntime,
): Promise<boolean> {
  const suppress = (event: LifecycleEvent) =>
    retrying.suppressRecipient({ ...email, eventId: event.id, reason: suppressionReasonOf(event) })
  // In order: the first event gives the suppression its reason.
  if (suppressing.length > 1 && patched('suppresses one after the other')) {
    const outcomes: SuppressionOutcome[] = []
    for (const event of suppressing) outcomes.push(await suppress(event))
    return outcomes.includes('recipient_unclear')
  }
  return (await Promise.all(suppressing.map(suppress))).includes('recipient_unclear')
}

function suppressionReasonOf(event: LifecycleEvent) {
  if (event.type === 'complained') return 'complaint'
  const isRepeatedSoft = event.type === 'bounced' && event.bounce.code === softBounceLimitCode
  return isRepeatedSoft ? 'repeated_soft_bounces' : 'hard_bounce'
}
