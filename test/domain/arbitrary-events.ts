import fc from 'fast-check'
import { type LifecycleEvent, priorities } from '../../src/domain/events.ts'

const start = Date.UTC(2026, 0, 1)
const instant = fc.integer({ min: start, max: start + 3_600_000 })
// Few different times, so that ties, which are where order sneaks in, are common.
const crowdedInstant = fc.oneof(
  instant,
  fc.integer({ min: 0, max: 3 }).map((n) => start + n),
)

const kinds = fc.oneof(
  fc.constantFrom('queued', 'sending', 'sent', 'delivered', 'complained', 'unknown').map((type) => ({ type })),
  fc.record({ type: fc.constantFrom('opened', 'clicked'), human: fc.boolean() }),
  fc.record({
    type: fc.constant('bounced'),
    bounce: fc.record({ class: fc.constantFrom('hard', 'soft'), code: fc.constantFrom('5.1.1', '4.2.2', null) }),
  }),
  fc.record({
    type: fc.constant('registered'),
    as: fc.constantFrom('sent', 'queued'),
    priority: fc.constantFrom(...priorities, null),
  }),
)

/** Any set of events of one email, each with an ID of its own. */
export const eventSets: fc.Arbitrary<LifecycleEvent[]> = fc
  .array(fc.tuple(kinds, crowdedInstant, crowdedInstant), { maxLength: 12 })
  .map((parts) =>
    parts.map(
      ([kind, occurredAt, receivedAt], index) =>
        ({ ...kind, id: `evt_${index}`, occurredAt, receivedAt }) as LifecycleEvent,
    ),
  )
