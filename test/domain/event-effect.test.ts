import assert from 'node:assert/strict'
import { effectsOf } from '../../src/domain/event-effect.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'

let count = 0
/** Events in the order in which they are received, which may differ from that in which they occurred. */
const received = (event: Record<string, unknown>): LifecycleEvent => {
  count += 1
  return { id: `evt_${count}`, occurredAt: count, receivedAt: count, ...event } as LifecycleEvent
}
const effectsIn = (...events: LifecycleEvent[]) => {
  const effects = effectsOf(events)
  return events.map(({ id }) => `${effects.get(id)?.changed ? '+' : '-'} ${effects.get(id)?.text}`)
}

describe('the effect of an event', () => {
  it('is the new status, or the stored fact if another status outranks it', () => {
    assert.deepEqual(
      effectsIn(
        received({ type: 'queued' }),
        received({ type: 'delivered' }),
        received({ type: 'sent', occurredAt: 0 }),
        received({ type: 'opened', human: true }),
        received({ type: 'bounced', bounce: { class: 'hard', code: null } }),
        received({ type: 'complained' }),
      ),
      [
        '+ The first event of this email: queued',
        '+ queued → delivered',
        '+ Its time is stored; the status stays delivered, which outranks it',
        '+ The first open, likely by a person; delivered → opened',
        '+ opened → bounced',
        '+ bounced → complained',
      ],
    )
  })

  it('is nothing for a known fact, a lesser bounce or an unknown type', () => {
    assert.deepEqual(
      effectsIn(
        received({ type: 'sent', occurredAt: 1_000 }),
        received({ type: 'sent', occurredAt: 2_000 }),
        received({ type: 'sent', occurredAt: 500 }),
        received({ type: 'bounced', bounce: { class: 'hard', code: null } }),
        received({ type: 'bounced', bounce: { class: 'soft', code: null } }),
        received({ type: 'unknown' }),
      ),
      [
        '+ The first event of this email: sent',
        '- sent was known already, at the same time or earlier',
        '+ sent was known already: this event has an earlier time, which is stored',
        '+ sent → bounced',
        '- A known failure (bounced) takes precedence over this one',
        '- This type does not affect the status: it is stored and shown',
      ],
    )
  })

  it('is that on its recipient, if the email has several', () => {
    const refused = {
      class: 'hard',
      code: null,
      failure: { reason: 'authentication', party: 'sender', outcome: 'failed' },
    }
    assert.deepEqual(
      effectsIn(
        received({ type: 'sent' }),
        received({ type: 'delivered', recipient: 'ada' }),
        received({ type: 'bounced', recipient: 'bob', bounce: { class: 'hard', code: null } }),
        received({ type: 'bounced', recipient: 'eve', bounce: refused }),
        received({ type: 'bounced', recipient: 'eve', bounce: { class: 'soft', code: null } }),
        received({ type: 'opened', recipient: 'ada', human: true }),
      ),
      [
        '+ The first event of this email: sent',
        '+ sent → delivered',
        '+ sent → bounced',
        '+ sent → failed',
        '- A known failure (failed) takes precedence over this one',
        '+ The first open, likely by a person; delivered → opened',
      ],
    )
  })

  it('counts opens and clicks, by machines and by persons', () => {
    assert.deepEqual(
      effectsIn(
        received({ type: 'delivered' }),
        received({ type: 'opened', human: false }),
        received({ type: 'opened', human: true }),
        received({ type: 'registered', as: 'sent', priority: null }),
      ).slice(1),
      [
        '+ The first open, by a machine: counted, but not as human; delivered → opened',
        '+ Open number 2, likely by a person',
        '+ Its time is stored; the status stays opened, which outranks it',
      ],
    )
  })

  it('follows the order of receipt, for any order of the arguments', () => {
    const [first, second] = [received({ type: 'sent', occurredAt: 9_000 }), received({ type: 'sent', occurredAt: 1 })]
    const effects = effectsOf([second, first])
    assert.equal(effects.get(first.id)?.text, 'The first event of this email: sent')
    assert.equal(effects.get(second.id)?.changed, true)
  })
})
