/** The schema of what the API answers about a person. */
import { z } from 'zod'
import { priorities, subscriptionEventTypes } from '../domain/events.ts'
import { failureParties } from '../domain/failure.ts'
import { deliveryStates, emailStatuses } from '../domain/lifecycle.ts'
import { suppressionReasons } from '../domain/suppression.ts'
import { pageAnswer } from '../http/input.ts'
import { engagement, externalId, failure, maybeTime, metadata, time } from './answers.ts'

const maybeText = z.string().nullable()

const emailFailure = failure.extend({ at: maybeTime }).meta({ id: 'PersonFailure' })

const personEmail = z
  .strictObject({
    id: z.string(),
    provider: z.string(),
    subject: maybeText,
    priority: z.enum(priorities),
    tags: z.array(z.string()),
    externalId,
    metadata,
    status: z.enum(emailStatuses).describe('Of this recipient.'),
    delivery: z.enum(deliveryStates),
    isOfWholeEmail: z
      .boolean()
      .describe(
        'Whether all this is known of the email with its several recipients only, as with emails from before 0.5.',
      ),
    failure: emailFailure.nullable(),
    opens: engagement,
    clicks: engagement,
    scheduledFor: maybeTime,
    sentAt: maybeTime,
    deliveredAt: maybeTime,
    complainedAt: maybeTime,
    createdAt: time,
  })
  .meta({ id: 'PersonEmail' })

const personSuppression = z
  .strictObject({
    reason: z.enum(suppressionReasons),
    since: time,
    removedAt: maybeTime,
    provider: maybeText,
    emailId: maybeText,
    eventId: maybeText.describe('The event that caused it; null for one made by hand or imported.'),
    failure: failure
      .nullable()
      .describe('How that event was judged; null for a complaint, or if it was deleted by age.'),
    addedBy: maybeText,
    note: maybeText,
    removedBy: maybeText,
    removalNote: maybeText,
    erased: z.boolean().describe('Whether only a keyed hash of the address is stored.'),
  })
  .meta({ id: 'PersonSuppression' })

const lastFact = z
  .strictObject({
    what: z.enum([
      ...emailStatuses.filter((status) => status !== 'partly_delivered'),
      ...subscriptionEventTypes,
      'suppressed',
      'suppression_removed',
    ]),
    at: time,
    email: z.strictObject({ id: z.string(), provider: z.string(), subject: maybeText }).nullable(),
    failure: emailFailure.nullable(),
  })
  .meta({ id: 'LastFact' })

export const person = z
  .strictObject({
    address: z.string().describe('Normalized.'),
    nextStep: z
      .strictObject({
        actor: z.enum([...failureParties, 'nobody']).describe('Who must act.'),
        sentence: z.string().describe('What is the matter and what to do, for people who answer customers.'),
      })
      .meta({ id: 'NextStep' }),
    last: lastFact.nullable().describe('What happened last; null if nothing is known.'),
    suppressed: z.boolean(),
    erased: z.boolean().describe('Whether the person was erased, and a suppression is kept under a keyed hash.'),
    suppression: personSuppression.nullable().describe('The active one.'),
    formerSuppressions: z.array(personSuppression).describe('Removed ones, newest first.'),
    subscriptions: z
      .array(
        z.strictObject({
          provider: z.string(),
          list: maybeText.describe('Null if the provider names none: all emails.'),
          state: z.enum(subscriptionEventTypes),
          at: time,
          emailId: z.string(),
          eventId: z.string(),
        }),
      )
      .describe('The last event of each list that the person left or joined.'),
    emailCount: z.int().describe('Up to 100,000.'),
    emails: pageAnswer(personEmail).describe('Newest first.'),
  })
  .meta({ id: 'Person' })
