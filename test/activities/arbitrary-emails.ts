/** Arbitrary emails for tests of analytics. */
import fc from 'fast-check'
import type { AnalyticsFilter } from '../../src/db/analytics.ts'
import type { Database } from '../../src/db/database.ts'
import { type DeliveryFacts, noFacts } from '../../src/domain/delivery-facts.ts'
import { type FailureFacts, type LifecycleEvent, priorities } from '../../src/domain/events.ts'
import {
  deliveryOf,
  emptySnapshot,
  foldEvents,
  recipientKeysOf,
  recipientStateOf,
  recipientsOf,
  type Snapshot,
  statusOf,
} from '../../src/domain/lifecycle.ts'
import { eventSets } from '../domain/arbitrary-events.ts'

export interface AnyEmail {
  readonly id: string
  readonly provider: string
  readonly domain: string | null
  readonly tags: readonly string[]
  readonly createdAt: Date
  /** The keys of its recipients, in the order in which rows are; none for an email that names nobody. */
  readonly keys: readonly string[]
  readonly snapshot: Snapshot
}

const start = Date.UTC(2026, 0, 1)
export const hourMs = 3_600_000

/** Arbitrary events of one email; half of the time with a delivery, as most emails have. */
const eventsOfEmail = fc.oneof(
  eventSets,
  fc
    .tuple(eventSets, fc.integer({ min: 0, max: 7_200_000 }))
    .map(([events, afterMs]): LifecycleEvent[] => [
      ...events,
      { id: 'sent', type: 'sent', occurredAt: start, receivedAt: start },
      { id: 'delivered', type: 'delivered', occurredAt: start + afterMs, receivedAt: start + afterMs },
    ]),
)

const failures = fc.constantFrom<(FailureFacts | undefined)[]>(
  undefined,
  { reason: 'mailbox_full', party: 'recipient', outcome: 'deferred' },
  { reason: 'unknown_recipient', party: 'recipient', outcome: 'bounced' },
  { reason: 'authentication', party: 'sender', outcome: 'failed' },
)

/** Whom the events of an email name: nobody, its only recipient, one of three each, or nobody of three. */
const naming = fc.constantFrom('nobody', 'one', 'each', 'none of three')

/** Domains of recipients by key. The first is that of the email. */
export const domainOfKey: Readonly<Record<string, string>> = { b: 'gmail.com', c: 'example.net' }

/** The same events, judged, and about recipients. */
function namingRecipients(
  events: readonly LifecycleEvent[],
  whom: 'nobody' | 'one' | 'each' | 'none of three',
  judged: readonly (FailureFacts | undefined)[],
): LifecycleEvent[] {
  const recipientOf = (index: number) => (whom === 'one' ? 'a' : ['a', 'b', undefined][index % 3])
  return events.map((event, index) => {
    const failure = judged[index % judged.length]
    const recipient = whom === 'one' || whom === 'each' ? recipientOf(index) : undefined
    return {
      ...event,
      ...(event.type === 'bounced' && { bounce: { ...event.bounce, ...(failure && { failure }) } }),
      ...(recipient && { recipient }),
      ...((whom === 'each' || whom === 'none of three') && { to: ['a', 'b', 'c'] }),
    } as LifecycleEvent
  })
}

/** Emails of two providers over three days, whose priority comes from their events. */
export const anyEmails: fc.Arbitrary<AnyEmail[]> = fc
  .array(
    fc.record({
      provider: fc.constantFrom('aisend', 'other'),
      domain: fc.constantFrom('example.com', 'example.org', null),
      tags: fc.uniqueArray(fc.constantFrom('invitation', 'receipt', 'plan:pro'), { maxLength: 3 }),
      hour: fc.integer({ min: 0, max: 71 }),
      withinHourMs: fc.constantFrom(0, 1, hourMs - 1),
      events: eventsOfEmail,
      whom: naming,
      judged: fc.array(failures, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 5, maxLength: 40, size: 'max' },
  )
  .map((emails) =>
    emails.map(({ hour, withinHourMs, events, whom, judged, ...email }, index) => {
      const snapshot = foldEvents(emptySnapshot, namingRecipients(events, whom, judged))
      return {
        ...email,
        id: `em_${index}`,
        createdAt: new Date(start + hour * hourMs + withinHourMs),
        keys: recipientKeysOf(snapshot).toSorted(),
        snapshot,
      }
    }),
  )

export const rangeOfAnyEmails = { from: new Date(start), to: new Date(start + 72 * hourMs) }

export const anyFilter: fc.Arbitrary<AnalyticsFilter> = fc.oneof(
  fc.constant({}),
  fc.record({ provider: fc.constantFrom('aisend', 'other'), priority: fc.constantFrom(...priorities) }),
  fc.record({ tag: fc.constantFrom('invitation', 'plan:pro') }),
  fc.record({ domain: fc.constantFrom('example.com', 'example.org') }),
  fc.constant({ domain: 'example.com', tag: 'invitation' }),
)

/** Stores emails as their workflows would. */
export async function storeEmails(db: Database, emails: readonly AnyEmail[]): Promise<void> {
  await db.email.createMany({ data: emails.map(rowOfEmail) })
  await db.emailRecipient.createMany({ data: emails.flatMap(rowsOfRecipients) })
}

const at = (epochMs: number | null) => (epochMs === null ? null : new Date(epochMs))

/** Stores an email's snapshot again, and what else may change, as after late events. */
export async function changeEmail(db: Database, email: AnyEmail): Promise<void> {
  const { id, provider, ...data } = rowOfEmail(email)
  await db.emailRecipient.deleteMany({ where: { emailId: id, provider } })
  await db.emailRecipient.createMany({ data: rowsOfRecipients(email) })
  await db.email.update({ where: { id_provider: { id, provider } }, data })
}

/** The row of an email, as `saveSnapshot` stores it. */
const rowOfEmail = ({ id, provider, domain, tags, createdAt, snapshot }: AnyEmail) => ({
  id,
  provider,
  recipientDomain: domain,
  tags: [...tags],
  createdAt,
  priority: snapshot.priority,
  status: statusOf(snapshot),
  delivery: deliveryOf(snapshot),
  revision: 1,
  registeredAt: at(snapshot.registeredAt),
  registeredAsSent: snapshot.registeredAsSent,
  ...rowOfFacts(snapshot),
})

/** The rows of an email's recipients, as `saveSnapshot` stores them: the fold of the events that name each. */
const rowsOfRecipients = ({ id, provider, domain, keys, createdAt, snapshot }: AnyEmail) =>
  [...keys, ''].map((key) => {
    const { status, delivery } = recipientStateOf(snapshot, key)
    const own = recipientsOf(snapshot)[key] ?? noFacts
    const common = { emailId: id, provider, key, domain: domainOfKey[key] ?? domain, createdAt, status, delivery }
    return { ...common, ...rowOfFacts(own), firstReceivedAt: at(own.firstReceivedAt) }
  })

/** The columns that rows of emails and of recipients have in common. */
const rowOfFacts = (facts: DeliveryFacts) => ({
  queuedAt: at(facts.queuedAt),
  sendingAt: at(facts.sendingAt),
  sentAt: at(facts.sentAt),
  deliveredAt: at(facts.deliveredAt),
  bounceClass: facts.bounce?.class ?? null,
  failureReason: facts.bounce?.failure?.reason ?? null,
  failureParty: facts.bounce?.failure?.party ?? null,
  failureOutcome: facts.bounce?.failure?.outcome ?? null,
  complainedAt: at(facts.complainedAt),
  opensTotal: facts.opens.total,
  opensHuman: facts.opens.human,
  clicksTotal: facts.clicks.total,
  clicksHuman: facts.clicks.human,
  settledReceivedAt: at(facts.settledReceivedAt),
})
