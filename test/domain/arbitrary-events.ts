import fc from 'fast-check'
import { type LifecycleEvent, priorities } from '../../src/domain/events.ts'

const start = Date.UTC(2026, 0, 1)
const instant = fc.integer({ min: start, max: start + 3_600_000 })
// Few different times, so that ties are common: there the order could matter.
const instantWithTies = fc.oneof(
  instant,
  fc.integer({ min: 0, max: 3 }).map((n) => start + n),
)

const outcomes = fc.constantFrom('bounced', 'failed', 'deferred', 'none')

const kinds = fc.oneof(
  fc
    .constantFrom('queued', 'sending', 'sent', 'delivered', 'complained', 'unknown', 'unsubscribed', 'resubscribed')
    .map((type) => ({ type })),
  fc.record({ type: fc.constant('unknown'), isNoted: fc.constant(true) }),
  fc.record({ type: fc.constant('queued'), scheduledFor: instant }),
  fc.record({ type: fc.constantFrom('opened', 'clicked'), human: fc.boolean() }),
  fc.record({
    type: fc.constant('bounced'),
    bounce: fc.record(
      {
        class: fc.constantFrom('hard', 'soft'),
        code: fc.constantFrom('5.1.1', '4.2.2', null),
        failure: fc.record({ reason: fc.constant('unknown'), party: fc.constant('unknown'), outcome: outcomes }),
      },
      { requiredKeys: ['class', 'code'] },
    ),
  }),
  fc.record({
    type: fc.constant('registered'),
    as: fc.constantFrom('sent', 'queued'),
    priority: fc.constantFrom(...priorities, null),
  }),
)

/** The recipients that an event names, by their keys. */
const recipientsNamed = (keys: readonly string[]) =>
  fc.oneof(
    fc.constant({}),
    fc.record({ recipient: fc.constantFrom(...keys) }),
    fc.record({ to: fc.uniqueArray(fc.constantFrom(...keys), { minLength: 2 }) }),
    fc.record({ recipient: fc.constantFrom(...keys), to: fc.uniqueArray(fc.constantFrom(...keys), { minLength: 2 }) }),
  )

const setsWith = (named: fc.Arbitrary<object>): fc.Arbitrary<LifecycleEvent[]> =>
  fc
    .array(fc.tuple(kinds, named, instantWithTies, instantWithTies), { maxLength: 12 })
    .map((parts) =>
      parts.map(
        ([kind, names, occurredAt, receivedAt], index) =>
          ({ ...kind, ...names, id: `evt_${index}`, occurredAt, receivedAt }) as LifecycleEvent,
      ),
    )

/** Any set of events of one email, of up to three recipients, with distinct IDs. */
export const eventSets = setsWith(recipientsNamed(['a', 'b', 'c']))

/** Any set of events of an email with one recipient. */
export const eventSetsOfOneRecipient = setsWith(fc.constantFrom({}, { recipient: 'a' }))
