import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type AuditedEmail, type AuditScope, differenceOf, type OwnEvent } from '../../src/domain/audited-email.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'

const [from, to] = [1_000_000, 9_000_000]
const scope: AuditScope = { window: { from, to }, isAsked: false, lateFrom: 8_000_000 }
const asked: AuditScope = { ...scope, isAsked: true }

const at = (
  type: 'queued' | 'sent' | 'delivered' | 'complained',
  parts: Partial<LifecycleEvent> = {},
): LifecycleEvent =>
  ({ id: type, type, occurredAt: 2_000_000, receivedAt: 2_000_000, recipient: 'a', ...parts }) as LifecycleEvent
const bounced = (outcome: 'bounced' | 'failed' | 'deferred', parts: Partial<LifecycleEvent> = {}): LifecycleEvent => ({
  ...{ id: outcome, type: 'bounced', occurredAt: 3_000_000, receivedAt: 3_000_000, recipient: 'a' },
  bounce: {
    class: outcome === 'bounced' ? 'hard' : 'soft',
    code: null,
    failure: { reason: 'unknown_address', party: 'recipient', outcome } as never,
  },
  ...(parts as object),
})

const applied = (event: LifecycleEvent): OwnEvent => ({ event, state: 'applied', account: null })

/** An email whose stored state is what follows from the applied events. */
function email(
  theirs: readonly LifecycleEvent[],
  ours: readonly OwnEvent[],
  more: Partial<AuditedEmail> = {},
): AuditedEmail {
  const folded = ours.filter(({ state }) => state === 'applied').map(({ event }) => event)
  const stored = folded.length === 0 ? null : foldEvents(emptySnapshot, folded)
  return { theirs, ours, stored, isErased: false, knownSince: 1_500_000, ...more }
}
const reasonOf = (audited: AuditedEmail, within = scope) => differenceOf(audited, within)?.reason ?? null

describe('an email that is audited', () => {
  const steps = fc.array(
    fc.constantFrom(
      at('queued'),
      at('sent'),
      at('delivered'),
      at('complained'),
      bounced('bounced'),
      bounced('deferred'),
    ),
    { minLength: 1, maxLength: 8 },
  )

  it('agrees if all of the provider’s events are applied, in whatever order they came', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (events, order) => {
        const unique = [...new Map(events.map((event) => [event.id, event])).values()]
        const shuffled = unique.toSorted(() => (order.next().value % 2 === 0 ? 1 : -1))
        assert.equal(differenceOf(email(shuffled, unique.map(applied)), scope), null)
      }),
    )
  })

  it('differs whenever one of the provider’s events is not here', () => {
    fc.assert(
      fc.property(steps, fc.nat(), (events, index) => {
        const unique = [...new Map(events.map((event) => [event.id, event])).values()]
        const kept = unique.filter((_, each) => each !== index % unique.length)
        assert.equal(reasonOf(email(unique, kept.map(applied))), 'missing_here')
      }),
    )
  })

  it('differs if the provider’s record has another outcome than a webhook reported, though each event is known', () => {
    const ours = [applied(at('delivered')), applied(bounced('bounced'))]
    assert.deepEqual(differenceOf(email([at('delivered')], ours), scope), {
      reason: 'known_here_only',
      ours: 'bounced',
      theirs: 'delivered',
    })
    assert.equal(
      reasonOf(email([at('sent')], [applied(at('sent')), applied(at('delivered'))]), asked),
      'known_here_only',
    )
  })

  it('is not held to what the provider’s window cannot hold', () => {
    const later = applied(at('delivered', { occurredAt: to + 1 }))
    assert.equal(reasonOf(email([at('sent')], [applied(at('sent')), later])), null)
    // Asked about the email, the provider would know it.
    assert.equal(reasonOf(email([at('sent')], [applied(at('sent')), later]), asked), 'provider_delayed')
  })

  it('is the same under another identity, where the provider’s record has identities of its own', () => {
    const derived = at('delivered', { id: 'reconcile:em_1:delivered' })
    assert.equal(reasonOf(email([derived], [applied(at('delivered'))])), null)
  })

  it('says why it differs', () => {
    const known = [applied(at('delivered'))]
    const quarantined = { ...applied(at('delivered')), state: 'quarantined' as const }
    const pending = { ...applied(at('delivered')), state: 'pending' as const }
    assert.equal(reasonOf(email([at('delivered')], [quarantined])), 'quarantined')
    assert.equal(reasonOf(email([at('delivered')], [pending])), 'not_applied')
    assert.equal(
      reasonOf(email([at('delivered')], known, { stored: foldEvents(emptySnapshot, [at('sent')]) })),
      'state_differs',
    )
    assert.equal(reasonOf(email([], known), asked), 'not_kept')
    assert.equal(reasonOf(email([], known, { isErased: true }), asked), 'erased_here')
    assert.equal(reasonOf(email([], [{ ...applied(at('delivered')), account: 'eu' }]), asked), 'other_account')
    assert.equal(reasonOf(email([], [], { stored: emptySnapshot }), asked), 'unknown_to_provider')
    assert.equal(reasonOf(email([], [], { stored: emptySnapshot, knownSince: 8_500_000 }), asked), 'provider_delayed')
  })

  it('is compared recipient by recipient', () => {
    const to2 = { to: ['a', 'b'] }
    const delivered = (recipient: string) => at('delivered', { id: `delivered ${recipient}`, recipient, ...to2 })
    const both = [delivered('a'), delivered('b')]
    assert.equal(reasonOf(email(both, both.map(applied))), null)
    assert.equal(reasonOf(email([delivered('a')], both.map(applied)), asked), 'known_here_only')
  })
})
