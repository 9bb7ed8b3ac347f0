/** The events in the answers of Postmark's API, made as those of its webhooks. */
import type { ReceivedEvent } from '../../domain/events.ts'
import { type Json, textIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import { type PostmarkMessage, undocumentedAnswer } from './requests.ts'
import { postmark } from './webhook.ts'

/**
 * The deliveries of a message. Its other events are left out: bounces have their facts in the bounce API, opens and clicks are counted
 * by their webhooks, and so are changes of subscriptions.
 * @param now epoch milliseconds.
 * @throws ProviderUnreachableError for an answer that cannot be read.
 */
export function deliveriesIn(message: PostmarkMessage, now: number): ReceivedEvent[] {
  const { MessageID, MessageStream, Subject, Tag, Metadata, MessageEvents } = message
  const deliveries = MessageEvents.filter(({ Type }) => Type === 'Delivered')
  return deliveries.flatMap(({ Recipient, ReceivedAt, Details }) => {
    const response = textIn(Details ?? {}, ['DeliveryMessage'])
    const times = { DeliveredAt: ReceivedAt, Details: response }
    return eventsIn('Delivery', { MessageID, MessageStream, Subject, Tag, Metadata, Recipient, ...times }, now)
  })
}

/**
 * The events of the bounce API's records, which have the form of bounce webhooks, also for complaints.
 * @param now epoch milliseconds.
 * @throws ProviderUnreachableError for a record that cannot be read.
 */
export const bouncesIn = (records: readonly Json[], now: number): ReceivedEvent[] =>
  records.flatMap((record) => eventsIn('Bounce', record, now))

/** The payload names no address, unlike a webhook's. */
function eventsIn(recordType: string, record: Json, now: number): ReceivedEvent[] {
  const { MessageID, MessageStream, ID, Type, TypeCode, Inactive, BouncedAt, DeliveredAt } = record
  const facts = {
    RecordType: recordType,
    MessageID,
    MessageStream,
    ID,
    Type,
    TypeCode,
    Inactive,
    BouncedAt,
    DeliveredAt,
  }
  try {
    return postmark.eventsOf(
      { ...record, RecordType: recordType },
      now,
      JSON.stringify({ source: 'reconcile', ...facts }),
    )
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error
    throw undocumentedAnswer()
  }
}
