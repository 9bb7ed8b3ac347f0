/** Everything that is known of one person, over all providers, as the API returns it and the dashboard shows it. */
import type { Database } from '../db/database.ts'
import { readRecipientsOf } from '../db/email-recipients-read.ts'
import { type EmailPosition, readEventsOf } from '../db/emails-read.ts'
import { isErasedKey } from '../db/erased-address.ts'
import type { Email } from '../db/generated/client.ts'
import {
  type CausedSuppression,
  countEmailsTo,
  listEmailsTo,
  readSubscriptionsOf,
  readSuppressionsOf,
  type Subscription,
} from '../db/recipient-history.ts'
import { spellingsOf } from '../domain/address.ts'
import { nextStepOf, type PersonSuppression } from '../domain/next-step.ts'
import type { SuppressionReason } from '../domain/suppression.ts'
import { pageOf } from '../http/input.ts'
import { isoTime } from './escalation-view.ts'
import { failureOfEvent } from './failure-view.ts'
import { forNextStep, lastFactOf, personEmailOf, personEmailView } from './person-email-view.ts'

/** The newest emails, by which the next step is chosen. */
const newestLength = 50

interface PersonQuery {
  /** Normalized. */
  readonly address: string
  readonly cursor: EmailPosition | null
  readonly limit: number
  /** Epoch milliseconds. */
  readonly now: number
}

export type PersonView = Awaited<ReturnType<typeof readPerson>>

/** A person who is not known has no emails: there is no other answer, since addresses of erased people are not known either. */
export async function readPerson(db: Database, { address, cursor, limit, now }: PersonQuery) {
  const [newest, further, emailCount, suppressions, subscriptions] = await Promise.all([
    listEmailsTo(db, address, null, Math.max(newestLength, cursor ? 0 : limit + 1)),
    cursor ? listEmailsTo(db, address, cursor, limit + 1) : null,
    countEmailsTo(db, address),
    readSuppressionsOf(db, address),
    readSubscriptionsOf(db, address),
  ])
  const page = further ?? newest
  const ids = [...new Set([...newest, ...page].map(({ id }) => id))]
  const [events, recipients] = await Promise.all([readEventsOf(db, ids), readRecipientsOf(db, ids)])
  const spellings = spellingsOf(address)
  const known = (row: Email) => personEmailOf(row, spellings, { events, recipients })
  const judged = newest.slice(0, newestLength).map(known)
  const active = suppressions.find(({ removedAt }) => removedAt === null)
  return {
    address,
    nextStep: nextStepOf({
      now,
      emails: judged.map(forNextStep),
      suppression: active ? suppressionForNextStep(active) : null,
      unsubscribed: subscriptions
        .filter(({ type }) => type === 'unsubscribed')
        .map(({ list, occurredAt }) => ({ list, at: occurredAt.getTime() })),
    }),
    last: lastOf(judged.map(lastFactOf), subscriptions, suppressions),
    suppressed: active !== undefined,
    erased: suppressions.some((row) => isErasedKey(row.address)),
    suppression: active ? suppressionView(active) : null,
    formerSuppressions: suppressions.filter(({ removedAt }) => removedAt !== null).map(suppressionView),
    subscriptions: subscriptions.map(subscriptionView),
    emailCount,
    emails: pageOf(page, limit, positionOf, page.map(known).map(personEmailView)),
  }
}

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })

const suppressionForNextStep = (row: CausedSuppression): PersonSuppression => ({
  reason: row.reason as SuppressionReason,
  since: row.createdAt.getTime(),
  addedBy: row.addedBy,
  failure: failureOfCause(row),
  isErased: isErasedKey(row.address),
})

/** Null if the event is no failure, such as a complaint, or was deleted by age. */
const failureOfCause = ({ cause }: CausedSuppression) => (cause?.type === 'bounced' ? failureOfEvent(cause) : null)

const suppressionView = (row: CausedSuppression) => ({
  reason: row.reason,
  since: row.createdAt.toISOString(),
  removedAt: isoTime(row.removedAt),
  provider: row.provider,
  emailId: row.emailId,
  eventId: row.eventId,
  failure: failureOfCause(row),
  addedBy: row.addedBy,
  note: row.note,
  removedBy: row.removedBy,
  removalNote: row.removalNote,
  erased: isErasedKey(row.address),
})

const subscriptionView = ({ provider, list, type, occurredAt, emailId, eventId }: Subscription) => ({
  provider,
  list,
  state: type,
  at: occurredAt.toISOString(),
  emailId,
  eventId,
})

/** What happened last: to an email, to a subscription or on the suppression list; null if nothing is known. */
function lastOf(
  emails: readonly ReturnType<typeof lastFactOf>[],
  [subscription]: readonly Subscription[],
  suppressions: readonly CausedSuppression[],
) {
  const none = { email: null, failure: null }
  const others = suppressions.flatMap(({ createdAt, removedAt, eventId }) => [
    // A suppression by an event is no news of its own beside the event.
    ...(eventId === null ? [{ what: 'suppressed', at: createdAt.getTime(), ...none }] : []),
    ...(removedAt ? [{ what: 'suppression_removed', at: removedAt.getTime(), ...none }] : []),
  ])
  const left = subscription ? [{ what: subscription.type, at: subscription.occurredAt.getTime(), ...none }] : []
  const [first, ...rest] = [...emails, ...left, ...others]
  if (first === undefined) return null
  const { at, ...last } = rest.reduce((latest, next) => (next.at > latest.at ? next : latest), first)
  return { ...last, at: new Date(at).toISOString() }
}
