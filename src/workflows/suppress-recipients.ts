import { patched } from '@temporalio/workflow'
import type { SuppressionOutcome } from '../activities/lifecycle-activities.ts'
import { softBounceLimitCode } from '../domain/bounce-policy.ts'
import type { EmailKey, LifecycleEvent } from '../domain/events.ts'
import { patientActivities } from './activities.ts'

/** Whether somebody is to be suppressed for this event: it is a hard bounce or a complaint. */
export const isSuppressing = (event: LifecycleEvent): boolean =>
  event.type === 'complained' || (event.type === 'bounced' && event.bounce.class === 'hard')

/**
 * Suppresses whom these hard bounces and complaints are about.
 * @returns whether an event named nobody whom it could be about.
 */
export async function suppressRecipients(email: EmailKey, suppressing: readonly LifecycleEvent[]): Promise<boolean> {
  const suppress = (event: LifecycleEvent) =>
    patientActivities.suppressRecipient({ ...email, eventId: event.id, reason: suppressionReasonOf(event) })
  // The first of them gives the suppression its reason, so it must be the first to get there.
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
