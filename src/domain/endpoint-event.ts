/** The body of a webhook to an application. OpenAPI's `webhooks` and the client's types derive from this schema. */
import { z } from 'zod'
import {
  emailSentTypes,
  endpointApiVersion,
  escalationSentTypes,
  recipientSentTypes,
  testSentType,
} from './endpoint.ts'
import { escalationReasons, escalationStates } from './escalation.ts'
import { priorities } from './events.ts'
import { failureOutcomes, failureParties, failureReasonNames } from './failure.ts'
import { deliveryStates, emailStatuses } from './lifecycle.ts'
import { suppressionReasons } from './suppression.ts'

const time = z.iso.datetime()
const optionalTime = time.nullable()

const failureSchema = z
  .object({
    class: z.enum(['hard', 'soft']).nullable(),
    code: z.string().nullable().describe('Enhanced or basic SMTP status code'),
    reason: z.enum(failureReasonNames).nullable(),
    party: z.enum(failureParties).nullable().describe('Whose fault it was'),
    outcome: z.enum(failureOutcomes).nullable(),
  })
  .describe('How the failure was judged; null values in events of old versions')

const engagementSchema = z.object({
  total: z.int(),
  human: z.int().describe('Those likely made by a person'),
  firstAt: optionalTime,
  lastAt: optionalTime,
})

const providerEventSchema = z
  .object({
    id: z.string().describe('Unique per provider'),
    type: z.string(),
    provider: z.string(),
    occurredAt: time.describe("By the provider's clock"),
    receivedAt: time,
    recipient: z
      .string()
      .nullable()
      .describe('The address that the event is about; null if it names none, or it was erased'),
    failure: failureSchema.extend({ message: z.string().nullable().describe("The server's reply") }).nullable(),
    human: z.boolean().nullable().describe('Of opens and clicks: whether a person likely made it'),
    response: z.string().nullable().describe("The receiving server's answer to a delivered email"),
    list: z.string().nullable().describe('The list that the recipient left or joined'),
  })
  .describe("The provider's event, in one form for all providers")

const emailSchema = z
  .object({
    id: z.string(),
    provider: z.string(),
    to: z.array(z.string()),
    subject: z.string().nullable(),
    tags: z.array(z.string()),
    status: z.enum(emailStatuses),
    delivery: z.enum(deliveryStates),
    priority: z.enum(priorities),
    registeredAt: optionalTime,
    scheduledFor: optionalTime,
    queuedAt: optionalTime,
    sendingAt: optionalTime,
    sentAt: optionalTime,
    deliveredAt: optionalTime,
    bouncedAt: optionalTime,
    complainedAt: optionalTime,
    failure: failureSchema.nullable(),
    opens: engagementSchema,
    clicks: engagementSchema,
  })
  .describe('The email after the event. Recipients and subject are as they are known when it is sent')

const escalationSchema = z.object({
  id: z.string(),
  reason: z.enum(escalationReasons),
  state: z.enum(escalationStates),
  detail: z.string().nullable(),
  openedAt: time,
  acknowledgedAt: optionalTime,
  snoozedUntil: optionalTime,
  resolvedAt: optionalTime,
})

const suppressionSchema = z.object({
  id: z.string(),
  address: z.string().nullable().describe('Null if it was erased since'),
  reason: z.enum(suppressionReasons),
  createdAt: time,
  removedAt: optionalTime,
})

const envelope = {
  id: z.string().describe('The webhook-id: the same for each repeat'),
  apiVersion: z.literal(endpointApiVersion),
  createdAt: time.describe('When the state changed'),
  project: z.string(),
}

const emailChange = z.object({ event: providerEventSchema, email: emailSchema })

/** Each form of a body, by the types that have it. */
export const endpointEventForms = {
  email: z.object({
    ...envelope,
    type: z.enum(emailSentTypes).exclude(['email.stalled']),
    data: emailChange,
  }),
  stall: z.object({
    ...envelope,
    type: z.literal('email.stalled'),
    data: z.object({ email: emailSchema, escalation: escalationSchema }),
  }),
  subscription: z.object({
    ...envelope,
    type: z.enum(recipientSentTypes).extract(['recipient.unsubscribed', 'recipient.resubscribed']),
    data: emailChange,
  }),
  suppression: z.object({
    ...envelope,
    type: z.enum(recipientSentTypes).extract(['recipient.suppressed', 'recipient.unsuppressed']),
    data: z.object({ suppression: suppressionSchema, email: emailSchema.nullable() }),
  }),
  escalation: z.object({
    ...envelope,
    type: z.enum(escalationSentTypes),
    data: z.object({ escalation: escalationSchema, email: emailSchema.nullable() }),
  }),
  test: z.object({ ...envelope, type: z.literal(testSentType), data: z.object({}) }),
}

export const endpointEventSchema = z.discriminatedUnion('type', [
  endpointEventForms.email,
  endpointEventForms.stall,
  endpointEventForms.subscription,
  endpointEventForms.suppression,
  endpointEventForms.escalation,
  endpointEventForms.test,
])

export type EndpointEvent = z.infer<typeof endpointEventSchema>
