import assert from 'node:assert/strict'
import { domainOf, normalizeAddress } from '../../src/domain/address.ts'
import { classifyBounce, reachesSoftBounceLimit } from '../../src/domain/bounce-policy.ts'
import { isLikelyHuman } from '../../src/domain/engagement-policy.ts'
import {
  commandEscalation,
  openEscalation,
  refusalOf,
  repeatNotice,
  resolveEscalation,
  urgentReasons,
} from '../../src/domain/escalation.ts'
import { unheardOf } from '../../src/domain/lifecycle.ts'
import { closingTime, stallDeadline } from '../../src/domain/stall-policy.ts'

const policy = {
  stallAfterMs: { critical: 10, normal: 100, bulk: 1_000 },
  escalationRepeatAfterMs: 50,
  engagementWindowMs: 500,
  giveUpAfterMs: 10_000,
}

describe('the bounce policy', () => {
  const cases: [object, 'hard' | 'soft'][] = [
    [{ type: 'hard', code: '4.0.0' }, 'hard'],
    [{ type: 'Permanent' }, 'hard'],
    [{ type: 'Transient', code: '5.1.1' }, 'soft'],
    [{ type: 'Undetermined' }, 'soft'],
    [{ code: '5.1.1' }, 'hard'],
    [{ code: '550' }, 'hard'],
    [{ code: '4.4.7' }, 'soft'],
    [{ code: '421' }, 'soft'],
    [{ code: '5.2.2' }, 'soft'],
    [{ code: '552' }, 'soft'],
    [{}, 'hard'],
    [{ type: 'something else' }, 'hard'],
  ]
  for (const [evidence, expected] of cases) {
    it(`calls ${JSON.stringify(evidence)} ${expected}`, () => assert.equal(classifyBounce(evidence), expected))
  }

  const day = (n: number, hour = 12) => Date.UTC(2026, 0, n, hour)
  it('takes soft bounces on 3 different days within 14 days as hard, in any order', () => {
    assert.ok(reachesSoftBounceLimit([day(14), day(1), day(7)]))
  })
  it('does not add up soft bounces of one day, or those further apart', () => {
    assert.ok(!reachesSoftBounceLimit([day(1, 1), day(1, 2), day(1, 3), day(2)]))
    assert.ok(!reachesSoftBounceLimit([day(1), day(8), day(15)]))
  })
})

describe('the engagement policy', () => {
  it('tells machines by their user agent', () => {
    const machines = [
      'Mozilla/5.0',
      'Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)',
      'Slackbot 1.0',
    ]
    for (const agent of machines) assert.ok(!isLikelyHuman(agent), agent)
  })
  it('gives everybody else the benefit of the doubt', () => {
    assert.ok(isLikelyHuman('Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15'))
    assert.ok(isLikelyHuman(null))
  })
})

describe('an address', () => {
  it('is compared without its display name, in lower case', () => {
    assert.equal(normalizeAddress(' Ada L. <Ada@Example.COM> '), 'ada@example.com')
    assert.equal(domainOf('ada@example.com'), 'example.com')
  })
  it('is refused when it could not be one', () => {
    for (const text of ['', 'ada', 'a@b@c', 'a b@c.d', '<>', `${'a'.repeat(320)}@b.c`])
      assert.equal(normalizeAddress(text), null)
  })
})

describe('the stall policy', () => {
  const heard = { ...unheardOf, firstReceivedAt: 1_000 }
  it('waits by priority from when Aftersend first heard of the email', () => {
    assert.equal(stallDeadline(heard, policy), 1_100)
    assert.equal(stallDeadline({ ...heard, priority: 'critical' }, policy), 1_010)
  })
  it('waits for nothing once delivery is settled', () => {
    assert.equal(stallDeadline({ ...heard, settledReceivedAt: 1_050 }, policy), null)
  })
  it('closes after the engagement window, or when an open escalation or silence was given up', () => {
    assert.equal(closingTime({ ...heard, settledReceivedAt: 1_050 }, policy, false), 1_550)
    assert.equal(closingTime({ ...heard, settledReceivedAt: 1_050 }, policy, true), 11_000)
    assert.equal(closingTime(heard, policy, false), 11_000)
    assert.equal(closingTime(unheardOf, policy, false), null)
  })
})

describe('an escalation', () => {
  const open = openEscalation('stalled', 'why', 1_000, policy)

  it('is told a second time only while nobody acknowledged it', () => {
    assert.equal(open.nextNoticeAt, 1_050)
    assert.equal(repeatNotice(open).nextNoticeAt, null)
    assert.equal(repeatNotice(open).notices, 2)
    assert.equal(commandEscalation(open, { do: 'acknowledge', by: 'ada' }, 1_010).nextNoticeAt, null)
  })
  it('wakes when its snooze is over', () => {
    const snoozed = commandEscalation(open, { do: 'snooze', by: 'ada', until: 5_000 }, 1_010)
    assert.deepEqual([snoozed.state, snoozed.nextNoticeAt], ['snoozed', 5_000])
    assert.deepEqual([repeatNotice(snoozed).state, repeatNotice(snoozed).snoozedUntil], ['open', null])
  })
  it('keeps who acknowledged it first', () => {
    const twice = [{ by: 'ada' }, { by: 'bob' }].reduce(
      (escalation, { by }, n) => commandEscalation(escalation, { do: 'acknowledge', by }, 1_010 + n),
      open,
    )
    assert.deepEqual([twice.acknowledgedBy, twice.acknowledgedAt], ['ada', 1_010])
  })
  it('refuses what makes no sense, and says why', () => {
    assert.match(refusalOf(undefined, { do: 'resolve', by: 'ada' }, 0) ?? '', /no such escalation/)
    assert.match(
      refusalOf(resolveEscalation(open, 'ada', 2_000), { do: 'acknowledge', by: 'bob' }, 0) ?? '',
      /already resolved/,
    )
    assert.match(refusalOf(open, { do: 'snooze', by: 'ada', until: 5 }, 10) ?? '', /future/)
    assert.equal(refusalOf(open, { do: 'snooze', by: 'ada', until: 50 }, 10), null)
  })
  it('is due at once when a critical email is refused or complained about, and for no other', () => {
    const refused = {
      ...unheardOf,
      bounce: { class: 'hard' as const, code: null, at: 1, eventId: 'e' },
      complainedAt: 2,
    }
    assert.deepEqual(urgentReasons({ ...refused, priority: 'critical' }), ['critical_bounce', 'critical_complaint'])
    assert.deepEqual(urgentReasons(refused), [])
  })
})
