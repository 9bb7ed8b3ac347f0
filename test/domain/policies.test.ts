import assert from 'node:assert/strict'
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
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { closingWindow, stallDeadline } from '../../src/domain/stall-policy.ts'

const policy = {
  stallAfterMs: { critical: 10, normal: 100, bulk: 1_000 },
  escalationRepeatAfterMs: 50,
  lingerAfterSettledMs: 500,
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
    it(`classifies ${JSON.stringify(evidence)} as ${expected}`, () => assert.equal(classifyBounce(evidence), expected))
  }

  const day = (n: number, hour = 12) => Date.UTC(2026, 0, n, hour)
  it('counts soft bounces on 3 different days within 14 days as a hard one, in any order', () => {
    assert.ok(reachesSoftBounceLimit([day(14), day(1), day(7)]))
  })
  it('does not add up soft bounces of one day or of more distant days', () => {
    assert.ok(!reachesSoftBounceLimit([day(1, 1), day(1, 2), day(1, 3), day(2)]))
    assert.ok(!reachesSoftBounceLimit([day(1), day(8), day(15)]))
  })
})

describe('the engagement policy', () => {
  it('recognizes machines by their user agent', () => {
    const machines = [
      'Mozilla/5.0',
      'Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)',
      'Slackbot 1.0',
    ]
    for (const agent of machines) assert.ok(!isLikelyHuman(agent), agent)
  })
  it('counts all others as persons', () => {
    assert.ok(isLikelyHuman('Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15'))
    assert.ok(isLikelyHuman(null))
  })
})

describe('the stall policy', () => {
  const received = { ...emptySnapshot, firstReceivedAt: 1_000 }
  it('sets the deadline by priority, from the receipt of the first event', () => {
    assert.equal(stallDeadline(received, policy), 1_100)
    assert.equal(stallDeadline({ ...received, priority: 'critical' }, policy), 1_010)
  })
  it('sets no deadline once delivery is settled', () => {
    assert.equal(stallDeadline({ ...received, settledReceivedAt: 1_050 }, policy), null)
  })
  it('completes after the linger, also with an open escalation, or when the email is given up', () => {
    const settled = { ...received, settledReceivedAt: 1_050 }
    for (const hasOpenEscalation of [false, true])
      assert.deepEqual(closingWindow(settled, policy, hasOpenEscalation), { from: 1_300, planned: 1_550, until: 1_800 })
    assert.equal(closingWindow(received, policy, false)?.planned, 11_000)
    assert.equal(closingWindow({ ...received, settledReceivedAt: 20_000 }, policy, false)?.from, 11_000)
    assert.equal(closingWindow(emptySnapshot, policy, false), null)
  })
  it('uses the engagement window in runs of older versions, and stays open for an open escalation there', () => {
    const { lingerAfterSettledMs: _, ...older } = { ...policy, engagementWindowMs: 700 }
    const settled = { ...received, settledReceivedAt: 1_050 }
    assert.deepEqual(closingWindow(settled, older, false), { from: 1_750, planned: 1_750, until: 1_750 })
    assert.equal(closingWindow(settled, older, true)?.from, 11_000)
  })
})

describe('an escalation', () => {
  const open = openEscalation('stalled', 'why', 1_000, policy)

  it('has a second notice only while it is not acknowledged', () => {
    assert.equal(open.nextNoticeAt, 1_050)
    assert.equal(repeatNotice(open).nextNoticeAt, null)
    assert.equal(repeatNotice(open).notices, 2)
    assert.equal(commandEscalation(open, { do: 'acknowledge', by: 'ada' }, 1_010).nextNoticeAt, null)
  })
  it('is open again when its snooze is over', () => {
    const snoozed = commandEscalation(open, { do: 'snooze', by: 'ada', until: 5_000 }, 1_010)
    assert.deepEqual([snoozed.state, snoozed.nextNoticeAt], ['snoozed', 5_000])
    assert.deepEqual([repeatNotice(snoozed).state, repeatNotice(snoozed).snoozedUntil], ['open', null])
  })
  it('keeps the first acknowledgement', () => {
    const twice = [{ by: 'ada' }, { by: 'bob' }].reduce(
      (escalation, { by }, n) => commandEscalation(escalation, { do: 'acknowledge', by }, 1_010 + n),
      open,
    )
    assert.deepEqual([twice.acknowledgedBy, twice.acknowledgedAt], ['ada', 1_010])
  })
  it('refuses invalid commands with a reason', () => {
    assert.match(refusalOf(undefined, { do: 'resolve', by: 'ada' }, 0) ?? '', /no such escalation/)
    assert.match(
      refusalOf(resolveEscalation(open, 'ada', 2_000), { do: 'acknowledge', by: 'bob' }, 0) ?? '',
      /already resolved/,
    )
    assert.match(refusalOf(open, { do: 'snooze', by: 'ada', until: 5 }, 10) ?? '', /future/)
    assert.equal(refusalOf(open, { do: 'snooze', by: 'ada', until: 50 }, 10), null)
  })
  it('is due at once for a critical email that bounced hard or was complained about, and for no other', () => {
    const failed = {
      ...emptySnapshot,
      bounce: { class: 'hard' as const, code: null, at: 1, eventId: 'e' },
      complainedAt: 2,
    }
    assert.deepEqual(urgentReasons({ ...failed, priority: 'critical' }), ['critical_bounce', 'critical_complaint'])
    assert.deepEqual(urgentReasons(failed), [])
  })
})
