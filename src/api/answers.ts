/** Schemas of the API's answers: /openapi.json is generated from them, and a test validates every answer against them. */
import { z } from 'zod'
import { machineReasons } from '../domain/engagement-policy.ts'
import { escalationReasons, escalationStates } from '../domain/escalation.ts'
import { foundByKinds, priorities } from '../domain/events.ts'
import { failureParties, failureReasonNames } from '../domain/failure.ts'
import { deliveryStates, emailStatuses } from '../domain/lifecycle.ts'
import { suppressionReasons } from '../domain/suppression.ts'

export const time = z.iso.datetime()
export const maybeTime = time.nullable()
const maybeText = z.string().nullable()

/** Strict: an answer must not have fields that are not documented. */
const escalation = z
  .strictObject({
    id: z.string(),
    reason: z.enum(escalationReasons),
    state: z.enum(escalationStates),
    detail: z.string().describe('One sentence for people, without addresses.'),
    openedAt: time,
    acknowledgedAt: maybeTime,
    acknowledgedBy: maybeText,
    snoozedUntil: maybeTime,
    resolvedAt: maybeTime,
    resolvedBy: maybeText.describe('A person’s handle, or the event that resolved it.'),
    notices: z.int().describe('How many notices were sent to support.'),
  })
  .meta({ id: 'Escalation' })

export const engagement = z
  .strictObject({
    total: z.int(),
    human: z.int().describe('Those likely made by a person.'),
    firstAt: maybeTime,
    lastAt: maybeTime,
  })
  .meta({ id: 'Engagement' })

const recipients = z
  .union([z.string(), z.array(z.string())])
  .nullable()
  .describe(
    'A string for one recipient, a list for several; `erased` for an erased one; null while no recipient is known.',
  )

export const externalId = maybeText.describe(
  'Your own ID: as registered, else as the provider’s custom fields carry it; null if neither names one.',
)
export const metadata = z
  .record(z.string(), z.string())
  .describe('Your own pairs: as registered, and those of the provider’s custom fields.')

const emailFacts = {
  id: z.string(),
  provider: z.string(),
  to: recipients,
  subject: maybeText,
  priority: z.enum(priorities),
  tags: z.array(z.string()),
  externalId,
  metadata,
  status: z.enum(emailStatuses).describe('The most important status that applies.'),
  delivery: z.enum(deliveryStates),
  createdAt: time,
  updatedAt: time,
}

export const failure = z
  .strictObject({
    reason: z.enum(failureReasonNames),
    party: z.enum(failureParties).describe('Who caused it, and so who must act.'),
    isFinal: z
      .boolean()
      .nullable()
      .describe('Whether the same message would fail again; null if the event that says it was deleted.'),
    code: maybeText,
    evidence: maybeText.describe('The line that decided, without addresses; null if no text did.'),
    rule: maybeText.describe('The ID of the rule that decided.'),
  })
  .meta({ id: 'Failure', description: 'Why a delivery failed or is deferred, as Aftersend judges it.' })

export const listedEscalation = escalation
  .extend({
    provider: maybeText,
    emailId: maybeText,
    scope: maybeText.describe('Of an incident, which is not about one email: `system`, `provider:…` or `tag:…`.'),
    email: z
      .strictObject({
        subject: maybeText,
        status: z.enum(emailStatuses),
        failure: failure.nullable().describe('Of its worst bounce.'),
        recipients: z
          .array(z.strictObject({ address: z.string(), status: z.enum(emailStatuses), failure: failure.nullable() }))
          .describe('Those whom the escalation concerns.'),
      })
      .nullable()
      .describe('Null for an incident, and for an email that is no longer stored.'),
  })
  .meta({ id: 'ListedEscalation' })

const emailEvent = z
  .strictObject({
    id: z.string(),
    type: z.string(),
    occurredAt: time.describe('By the provider’s clock.'),
    receivedAt: time.describe('By the server’s clock.'),
    appliedAt: maybeTime,
    recipient: maybeText.describe(
      'The address that the event is about; null if it names none: it then applies to the email.',
    ),
    quarantinedReason: z.string().optional(),
    machineReason: z.enum(machineReasons).optional().describe('Why an open or click was probably caused by a machine.'),
    failure: failure.optional().describe('Of a bounced event.'),
    response: z.string().optional().describe('What the receiving server answered to a delivered email.'),
    list: z.string().optional().describe('The list or stream that the recipient left or joined.'),
    foundBy: z
      .enum(foundByKinds)
      .optional()
      .describe('How it was found, if no webhook brought it: by reconciling, or by asking about the email.'),
  })
  .meta({ id: 'EmailEvent' })

const recipient = z
  .strictObject({
    address: z.string().describe('Normalized; `erased` for an erased one.'),
    status: z.enum(emailStatuses),
    delivery: z.enum(deliveryStates),
    failure: failure.nullable(),
    opens: engagement,
    clicks: engagement,
    deliveredAt: maybeTime,
    complainedAt: maybeTime,
    suppressed: z.boolean().describe('Whether the suppression list has the address now.'),
  })
  .meta({ id: 'Recipient' })

export const email = z
  .strictObject({
    ...emailFacts,
    workflowId: z.string(),
    deliveredTo: z
      .strictObject({ delivered: z.int(), recipients: z.int() })
      .nullable()
      .describe('To how many recipients it is known to be delivered; null unless it has several.'),
    recipients: z.array(recipient).describe('What became of it for each recipient.'),
    failure: failure.nullable().describe('Of the worst bounce of all recipients.'),
    opens: engagement,
    clicks: engagement,
    bounce: z
      .strictObject({ class: z.enum(['hard', 'soft']), code: maybeText, message: maybeText, at: time })
      .nullable(),
    complainedAt: maybeTime,
    queuedAt: maybeTime,
    sendingAt: maybeTime,
    sentAt: maybeTime,
    deliveredAt: maybeTime,
    deliveryTimeMs: z.int().nullable(),
    registeredAt: maybeTime,
    stalledAt: maybeTime,
    events: z.array(emailEvent),
    escalations: z.array(escalation),
    foundBy: z
      .enum(foundByKinds)
      .nullable()
      .describe('How the email was found, if nobody registered it and no webhook reported it; else null.'),
  })
  .meta({ id: 'Email' })

const suppressionFacts = {
  address: z.string(),
  suppressed: z.boolean(),
  reason: z.enum(suppressionReasons).optional(),
  since: time.optional(),
}

export const suppressionCheck = z.strictObject(suppressionFacts).meta({ id: 'SuppressionCheck' })

const source = {
  provider: z.string().optional(),
  emailId: z.string().optional(),
  eventId: z.string().optional().describe('The event that caused the suppression.'),
}

export const suppression = z.strictObject({ ...suppressionFacts, ...source }).meta({ id: 'Suppression' })

export const listedSuppression = suppression
  .extend({
    address: maybeText.describe('Null for an erased address, of which only a keyed hash is stored.'),
    erased: z.literal(true).optional(),
    removedAt: maybeTime,
  })
  .meta({ id: 'ListedSuppression' })

const rate = z
  .strictObject({ numerator: z.int(), denominator: z.int(), rate: z.number().nullable().describe('Null for 0 of 0.') })
  .meta({ id: 'Rate' })
const rates = z.strictObject({ all: rate, human: rate })

const figures = {
  emails: z.int(),
  sent: z.int(),
  delivered: z.int(),
  recipients: z.int(),
  deliveredRecipients: z.int(),
  deliverability: rate.describe('Delivered of sent.'),
  hardBounces: rate.describe('Refused for good by the recipient’s address, of sent.'),
  failures: rate.describe('Not delivered for another reason, of sent.'),
  softBounces: rate.describe('Delayed by a soft bounce, of sent.'),
  complaints: rate.describe('Of delivered.'),
  opens: rates.describe('Of delivered.'),
  clicks: rates.describe('Of delivered.'),
  deliveryTimeMs: z.strictObject({
    count: z.int(),
    mean: z.number().nullable(),
    p50: z.number().nullable(),
    p95: z.number().nullable(),
    p99: z.number().nullable(),
  }),
}

const scope = {
  from: time,
  to: time,
  filter: z.strictObject({ provider: maybeText, priority: maybeText, tag: maybeText, domain: maybeText }),
}

export const analyticsSummary = z.strictObject({ ...scope, ...figures }).meta({ id: 'AnalyticsSummary' })

export const analyticsTimeseries = z
  .strictObject({ ...scope, bucket: z.string(), data: z.array(z.strictObject({ startsAt: time, ...figures })) })
  .meta({ id: 'AnalyticsTimeseries' })

export const analyticsBreakdown = z
  .strictObject({
    ...scope,
    by: z.string(),
    counts: z.enum(['emails', 'recipients']).describe('What the figures count.'),
    data: z.array(z.strictObject({ value: z.string(), ...figures })),
  })
  .meta({ id: 'AnalyticsBreakdown' })
