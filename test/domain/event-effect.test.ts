import assert from 'node:assert/strict'
import { effectsOf } from '../../src/domain/event-effect.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'

let count = 0
/** Events as they are received: one after the other, whenever they happened. */
const received = (event: Record<string, unknown>): LifecycleEvent => {
  count += 1
  return { id: `evt_${count}`, occurredAt: count, receivedAt: count, ...event } as LifecycleEvent
}
const told = (...events: LifecycleEvent[]) => {
  const effects = effectsOf(events)
  return events.map(({ id }) => `${effects.get(id)?.changed ? '+' : '-'} ${effects.get(id)?.text}`)
}

describe('what an event did', () => {
  it('is the status that it led to, and the news itself where another status outranks it', () => {
    assert.deepEqual(
      told(
        received({ type: 'queued' }),
        received({ type: 'delivered' }),
        received({ type: 'sent', occurredAt: 0 }),
        received({ type: 'opened', human: true }),
        received({ type: 'bounced', bounce: { class: 'hard', code: null } }),
        received({ type: 'complained' }),
      ),
      [
        '+ The first word of this email: queued',
        '+ queued → delivered',
        '+ Its time is noted; the status stays delivered, which outranks it',
        '+ The first open, by a person, as far as can be told; delivered → opened',
        '+ opened → bounced',
        '+ bounced → complained',
      ],
    )
  })

  it('is nothing for what was known already, a lesser bounce, or a type without a meaning', () => {
    assert.deepEqual(
      told(
        received({ type: 'sent', occurredAt: 1_000 }),
        received({ type: 'sent', occurredAt: 2_000 }),
        received({ type: 'sent', occurredAt: 500 }),
        received({ type: 'bounced', bounce: { class: 'hard', code: null } }),
        received({ type: 'bounced', bounce: { class: 'soft', code: null } }),
        received({ type: 'unknown' }),
      ),
      [
        '+ The first word of this email: sent',
        '- sent was known already, and the earliest time counts',
        '+ sent was known already; this one says that it was earlier',
        '+ sent → bounced',
        '- A hard bounce was known already, and counts before this one',
        '- The lifecycle gives this type no meaning: it is kept and shown',
      ],
    )
  })

  it('counts opens and clicks, and tells machines from people', () => {
    assert.deepEqual(
      told(
        received({ type: 'delivered' }),
        received({ type: 'opened', human: false }),
        received({ type: 'opened', human: true }),
        received({ type: 'registered', as: 'sent', priority: null }),
      ).slice(1),
      [
        "+ The first open, by a machine: counted, but no sign of a person's; delivered → opened",
        '+ Open number 2, by a person, as far as can be told',
        '+ Its time is noted; the status stays opened, which outranks it',
      ],
    )
  })

  it('goes by when events were received, whatever the order in which they are given', () => {
    const [first, second] = [received({ type: 'sent', occurredAt: 9_000 }), received({ type: 'sent', occurredAt: 1 })]
    const effects = effectsOf([second, first])
    assert.equal(effects.get(first.id)?.text, 'The first word of this email: sent')
    assert.equal(effects.get(second.id)?.changed, true)
  })
})
