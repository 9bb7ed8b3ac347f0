/** What the API answers, as forms: the document at /openapi.json is made of them, and a test holds every answer to them. */
import { z } from 'zod'
import { machineReasons } from '../domain/engagement-policy.ts'
import { escalationReasons, escalationStates } from '../domain/escalation.ts'
import { priorities } from '../domain/events.ts'
import { deliveryStates, emailStatuses } from '../domain/lifecycle.ts'
import { suppressionReasons } from '../domain/suppression.ts'

export const time = z.iso.datetime()
export const maybeTime = time.nullable()
const maybeText = z.string().nullable()

/** Strictly what is named: an answer that holds more is not documented. */
export const escalation = z
  .strictObject({
    id: z.string(),
    reason: z.enum(escalationReasons),
    state: z.enum(escalationStates),
    detail: z.string().describe('One sentence for people. Holds no address.'),
    openedAt: time,
    acknowledgedAt: maybeTime,
    acknowledgedBy: maybeText,
    snoozedUntil: maybeTime,
    resolvedAt: maybeTime,
    resolvedBy: maybeText.describe('A person’s handle, or the event that made it moot.'),
    notices: z.int().describe('How often support was told.'),
  })
  .meta({ id: 'Escalation' })

export const listedEscalation = escalation
  .extend({
    provider: maybeText,
    emailId: maybeText,
    scope: maybeText.describe('What it is about, where that is not one email: `system`, `provider:…` or `tag:…`.'),
  })
  .meta({ id: 'ListedEscalation' })

const engagement = z
  .strictObject({
    total: z.int(),
    human: z.int().describe('Likely made by a person.'),
    firstAt: maybeTime,
    lastAt: maybeTime,
  })
  .meta({ id: 'Engagement' })

const recipients = z
  .union([z.string(), z.array(z.string())])
  .nullable()
  .describe(
    'One text for one recipient, a list for several; `erased` for one that was erased; null while nobody was named.',
  )

const emailFacts = {
  id: z.string(),
  provider: z.string(),
  to: recipients,
  subject: maybeText,
  priority: z.enum(priorities),
  tags: z.array(z.string()),
  status: z.enum(emailStatuses).describe('The headline: the first that holds.'),
  delivery: z.enum(deliveryStates),
  createdAt: time,
  updatedAt: time,
}

const emailEvent = z
  .strictObject({
    id: z.string(),
    type: z.string(),
    occurredAt: time.describe('By the provider’s clock.'),
    receivedAt: time.describe('By our clock.'),
    appliedAt: maybeTime,
    quarantinedReason: z.string().optional(),
    machineReason: z.enum(machineReasons).optional().describe('Why an open or click is likely a machine’s.'),
  })
  .meta({ id: 'EmailEvent' })

export const email = z
  .strictObject({
    ...emailFacts,
    workflowId: z.string(),
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
  })
  .meta({ id: 'Email' })

const suppressionFacts = {
  address: z.string(),
  suppressed: z.boolean(),
  reason: z.enum(suppressionReasons).optional(),
  since: time.optional(),
}

export const suppressionCheck = z.strictObject(suppressionFacts).meta({ id: 'SuppressionCheck' })

const behindIt = {
  provider: z.string().optional(),
  emailId: z.string().optional(),
  eventId: z.string().optional().describe('The event behind it.'),
}

export const suppression = z.strictObject({ ...suppressionFacts, ...behindIt }).meta({ id: 'Suppression' })

export const listedSuppression = suppression
  .extend({
    address: maybeText.describe('Null for somebody who was erased: it is kept as a keyed hash.'),
    erased: z.literal(true).optional(),
    removedAt: maybeTime,
  })
  .meta({ id: 'ListedSuppression' })

const rate = z
  .strictObject({ numerator: z.int(), denominator: z.int(), rate: z.number().nullable().describe('Null of nothing.') })
  .meta({ id: 'Rate' })
const rates = z.strictObject({ all: rate, human: rate })

const figures = {
  emails: z.int(),
  sent: z.int(),
  delivered: z.int(),
  deliverability: rate.describe('Delivered, of sent.'),
  hardBounces: rate.describe('Of sent.'),
  softBounces: rate.describe('Bounced soft and never hard, of sent.'),
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

const counted = {
  from: time,
  to: time,
  filter: z.strictObject({ provider: maybeText, priority: maybeText, tag: maybeText, domain: maybeText }),
}

export const analyticsSummary = z.strictObject({ ...counted, ...figures }).meta({ id: 'AnalyticsSummary' })

export const analyticsTimeseries = z
  .strictObject({ ...counted, bucket: z.string(), data: z.array(z.strictObject({ startsAt: time, ...figures })) })
  .meta({ id: 'AnalyticsTimeseries' })

export const analyticsBreakdown = z
  .strictObject({ ...counted, by: z.string(), data: z.array(z.strictObject({ value: z.string(), ...figures })) })
  .meta({ id: 'AnalyticsBreakdown' })

/** RFC 9457. */
export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('One sentence on what to do.'),
    instance: z.string().describe('Names the request in our log.'),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string(), reason: z.string().optional() }))
      .optional()
      .describe('Where the input is not as it must be.'),
  })
  .meta({ id: 'Problem' })
