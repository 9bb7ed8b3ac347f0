/**
 * What `GetMessageInsights` reports of an email, by Amazon's service model (github.com/boto/botocore 1.43.67, sesv2 2019-09-27). It is put
 * into the form in which SES publishes events, so that webhooks and API share one mapping.
 *
 * Insights have neither the `feedbackId` nor SNS's message ID, of which the IDs of published events are made, so their IDs are derived
 * ({@link reconciledIdOf}): the same in every answer, but others than those of the webhooks.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { statusCodeIn } from '../../domain/failure-text.ts'
import { eventIdOf, reconciledIdOf } from '../event-builder.ts'
import type { Json } from '../fields.ts'
import { sesEventsOf } from './events.ts'

const bounceForm = z.object({
  BounceType: z.string().nullish(),
  BounceSubType: z.string().nullish(),
  DiagnosticCode: z.string().nullish(),
})
const complaintForm = z.object({ ComplaintSubType: z.string().nullish(), ComplaintFeedbackType: z.string().nullish() })
const eventForm = z.object({
  Type: z.string(),
  /** Epoch seconds with a fraction, as the model's protocol writes times. */
  Timestamp: z.union([z.number(), z.string()]).nullish(),
  Details: z.object({ Bounce: bounceForm.nullish(), Complaint: complaintForm.nullish() }).nullish(),
})
export const insightsForm = z.object({
  Subject: z.string().nullish(),
  EmailTags: z.array(z.object({ Name: z.string(), Value: z.string() })).nullish(),
  /** One for each recipient. */
  Insights: z.array(z.object({ Destination: z.string(), Events: z.array(eventForm).nullish() })),
})
type MessageInsights = z.infer<typeof insightsForm>
type InsightsEvent = z.infer<typeof eventForm>

/** Amazon's published types and the fields of their details. Opens, clicks and subscriptions are left out. */
const published = new Map([
  ['SEND', { eventType: 'Send', field: 'send' }],
  ['DELIVERY', { eventType: 'Delivery', field: 'delivery' }],
  ['DELIVERY_DELAY', { eventType: 'DeliveryDelay', field: 'deliveryDelay' }],
  ['BOUNCE', { eventType: 'Bounce', field: 'bounce' }],
  ['COMPLAINT', { eventType: 'Complaint', field: 'complaint' }],
  ['REJECT', { eventType: 'Reject', field: 'reject' }],
  ['RENDERING_FAILURE', { eventType: 'Rendering Failure', field: 'failure' }],
])

/** The delivery events in an answer. @param now the time of receipt, epoch milliseconds. */
export function sesInsightsEvents(emailId: string, answer: MessageInsights, now: number): ReceivedEvent[] {
  const destination = answer.Insights.map((insight) => insight.Destination)
  const mail = {
    messageId: emailId,
    destination,
    commonHeaders: { subject: answer.Subject },
    tags: Object.fromEntries((answer.EmailTags ?? []).map(({ Name, Value }) => [Name, [Value]])),
  }
  const events = answer.Insights.flatMap((insight) =>
    (insight.Events ?? []).flatMap((event) => eventsIn(event, insight.Destination, mail, now)),
  )
  return events.filter(({ id }, index) => events.findIndex((event) => event.id === id) === index)
}

function eventsIn(event: InsightsEvent, recipient: string, mail: Json, now: number): ReceivedEvent[] {
  const as = published.get(event.Type)
  if (!as) return []
  const payload = JSON.stringify({ source: 'reconcile', type: event.Type, timestamp: event.Timestamp })
  const json = { eventType: as.eventType, mail, [as.field]: detailsOf(event, recipient) }
  return sesEventsOf(json, { id: '', receivedAt: now, payload }).map((one) => ({ ...one, id: idOf(one, event) }))
}

/** Each delay is a further event, and so is what happens to each of several recipients. An ID holds no address. */
function idOf({ emailId, type, bounce, to, recipient }: ReceivedEvent, { Timestamp }: InsightsEvent): string {
  const id = reconciledIdOf(emailId, type, bounce)
  const parts = [bounce?.isOver === false && Timestamp, to.length > 1 && recipient && eventIdOf(recipient)]
  return [id, ...parts.filter(Boolean)].join(':')
}

/** The details of any type of event: each type has its own fields among them. */
function detailsOf({ Timestamp: timestamp, Details: details }: InsightsEvent, emailAddress: string): Json {
  const { Bounce: bounce, Complaint: complaint } = details ?? {}
  const diagnosticCode = bounce?.DiagnosticCode
  return {
    timestamp,
    recipients: [emailAddress],
    delayedRecipients: [{ emailAddress }],
    complainedRecipients: [{ emailAddress }],
    bouncedRecipients: [{ emailAddress, diagnosticCode, status: diagnosticCode && statusCodeIn(diagnosticCode) }],
    bounceType: publishedWord(bounce?.BounceType),
    bounceSubType: publishedWord(bounce?.BounceSubType),
    complaintSubType: publishedWord(complaint?.ComplaintSubType),
    complaintFeedbackType: complaint?.ComplaintFeedbackType,
  }
}

/** `MailboxFull` for `MAILBOX_FULL`: insights write in capitals what published events write so. */
const publishedWord = (word: string | null | undefined): string | null | undefined =>
  word && /^[A-Z_]+$/.test(word)
    ? word.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
    : word
