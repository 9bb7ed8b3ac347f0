import { insertEvents } from '../db/events.ts'
import { readSoftBouncesAround, suppressEventRecipient } from '../db/recipients.ts'
import { readSignalledEvents } from '../db/signalled-events.ts'
import { reachesSoftBounceLimit, softBounceLimitCode } from '../domain/bounce-policy.ts'
import type { EmailKey, ReceivedEvent } from '../domain/events.ts'
import { onDatabase } from './database-failure.ts'
import type { ActivityDependencies } from './dependencies.ts'
import type { LifecycleActivities } from './lifecycle-activities.ts'

type RecipientActivities = Pick<LifecycleActivities, 'countSoftBounce' | 'suppressRecipient'>

export const createRecipientActivities = ({ db }: ActivityDependencies): RecipientActivities => ({
  countSoftBounce: ({ eventId, ...email }) =>
    onDatabase('SoftBounceRejected', async () => {
      const bounces = await readSoftBouncesAround(db, email.provider, eventId)
      if (!bounces || !reachesSoftBounceLimit(bounces.around.map((at) => at.getTime()))) return null
      const hardBounce = hardBounceAfter(email, eventId, bounces)
      await insertEvents(db, [hardBounce])
      const [stored] = await readSignalledEvents(db, hardBounce.provider, [hardBounce.id])
      return stored ?? null
    }),

  suppressRecipient: (event) => onDatabase('SuppressionRejected', () => suppressEventRecipient(db, event)),
})

/** The event that the soft bounce at the limit leads to. It is stored like a provider's own. */
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
