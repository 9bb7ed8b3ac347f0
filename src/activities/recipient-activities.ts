import { insertEvents } from '../db/events.ts'
import { readSoftBouncesAround, suppressEventRecipient } from '../db/recipients.ts'
import { reachesSoftBounceLimit, softBounceLimitCode } from '../domain/bounce-policy.ts'
import type { EmailKey, ReceivedEvent } from '../domain/events.ts'
import { lifecycleEventOf } from '../domain/received-event.ts'
import type { ActivityDependencies } from './create-activities.ts'
import { onDatabase } from './database-failure.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type RecipientActivities = Pick<LifecycleActivities, 'countSoftBounce' | 'suppressRecipient'>

export const createRecipientActivities = ({ db }: ActivityDependencies): RecipientActivities => ({
  countSoftBounce: ({ eventId, ...email }) =>
    onDatabase('SoftBounceRejected', async () => {
      const bounces = await readSoftBouncesAround(db, email.provider, eventId)
      if (!bounces || !reachesSoftBounceLimit(bounces.around.map((at) => at.getTime()))) return null
      const hardBounce = hardBounceAfter(email, eventId, bounces)
      await insertEvents(db, [hardBounce])
      return lifecycleEventOf(hardBounce)
    }),

  suppressRecipient: (event) => onDatabase('SuppressionRejected', () => suppressEventRecipient(db, event)),
})

/** The event by which a soft bounce that is one too many enters the log: like a provider's own, and just as durable. */
function hardBounceAfter(
  email: EmailKey,
  eventId: string,
  { recipient, occurredAt, receivedAt }: { recipient: string; occurredAt: Date; receivedAt: Date },
): ReceivedEvent {
  return {
    ...email,
    id: `${softBounceLimitCode}:${eventId}`,
    type: 'bounced',
    occurredAt: occurredAt.getTime(),
    receivedAt: receivedAt.getTime(),
    to: [],
    recipient,
    subject: null,
    bounce: { class: 'hard', code: softBounceLimitCode, message: 'Soft bounces on 3 different days within 14 days' },
    human: false,
    payload: JSON.stringify({ source: 'aftersend bounce policy', after: eventId }),
  }
}
