import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  judgeEngagements,
  type MachineReason,
  machineReasonOf,
  type StoredEngagement,
} from '../../src/domain/engagement-policy.ts'

const person = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0'
const delivered = 1_000_000

const engagement = (parts: Partial<StoredEngagement> & { id: string }): StoredEngagement => ({
  type: 'opened',
  occurredAt: delivered + 60_000,
  userAgent: person,
  address: null,
  link: null,
  knownReason: null,
  ...parts,
})
const judged = (...engagements: StoredEngagement[]) => Object.fromEntries(judgeEngagements(delivered, engagements))

describe('the engagement policy for one event', () => {
  const cases: [string | null, string | null, MachineReason | null][] = [
    ['Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)', null, 'image_proxy'],
    ['YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html', null, 'image_proxy'],
    ['Mozilla/5.0', null, 'privacy_proxy'],
    ['Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)', null, 'bot'],
    [person, '40.107.3.4', 'mail_filter_address'],
    [null, '::ffff:104.47.127.255', 'mail_filter_address'],
    [person, '104.47.128.0', null],
    [person, '17.58.1.2', 'privacy_proxy'],
    [person, '18.0.0.1', null],
    [person, '2a01:b740::1', null],
    [person, '40.107.3.400', null],
    [null, null, null],
  ]
  for (const [userAgent, address, expected] of cases) {
    it(`finds ${expected ?? 'nothing'} in ${userAgent ?? 'no agent'} at ${address ?? 'no address'}`, () => {
      assert.equal(machineReasonOf({ userAgent, address }), expected)
    })
  }
})

describe('the judgement of all opens and clicks of an email', () => {
  it('counts an open before or with the delivery as a machine’s, and one of a quick reader as human', () => {
    const at = (id: string, afterMs: number) => engagement({ id, occurredAt: delivered + afterMs })
    assert.deepEqual(judged(at('before', -5_000), at('with', 1_999), at('quick', 2_000)), {
      before: 'too_soon',
      with: 'too_soon',
    })
    assert.deepEqual([...judgeEngagements(null, [at('unknown', 0)])], [])
  })

  it('counts clicks on three or more links within two seconds as a scanner’s, but not three clicks on one link', () => {
    const click = (id: string, afterMs: number, link: string) =>
      engagement({ id, type: 'clicked', occurredAt: delivered + 60_000 + afterMs, link })
    const scan = [click('a', 0, '/1'), click('b', 900, '/2'), click('c', 2_000, '/3')]
    assert.deepEqual(judged(...scan), { a: 'many_links', b: 'many_links', c: 'many_links' })
    assert.deepEqual(judged(...scan, click('later', 2_001, '/4'), click('d', 9_000, '/1')), {
      a: 'many_links',
      b: 'many_links',
      c: 'many_links',
      later: 'many_links',
    })
    assert.deepEqual(judged(click('a', 0, '/1'), click('b', 1, '/1'), click('c', 2, '/1')), {})
    assert.deepEqual(judged(click('a', 0, '/1'), click('b', 1, '/2'), click('c', 2_001, '/3')), {})
  })

  it('keeps the reason found in a deleted payload, but judges the events together again', () => {
    const bare = { userAgent: null, address: null }
    assert.deepEqual(judged(engagement({ id: 'a', ...bare, knownReason: 'image_proxy' })), { a: 'image_proxy' })
    assert.deepEqual(judged(engagement({ id: 'a', ...bare, knownReason: 'too_soon' })), {})
  })

  it('does not depend on the order of the events', () => {
    const anything = fc.record({
      type: fc.constantFrom('opened' as const, 'clicked' as const),
      occurredAt: fc.integer({ min: delivered - 3_000, max: delivered + 9_000 }),
      userAgent: fc.constantFrom(person, 'Mozilla/5.0', null),
      address: fc.constantFrom('40.107.3.4', null),
      link: fc.constantFrom('/1', '/2', '/3', '/4', null),
      knownReason: fc.constantFrom<MachineReason | null>('bot', 'many_links', null),
    })
    const sets = fc.array(anything, { maxLength: 12 }).map((all) => all.map((parts, n) => ({ ...parts, id: `e${n}` })))
    const shuffled = sets.chain((set) =>
      fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length, maxLength: set.length })),
    )
    fc.assert(
      fc.property(shuffled, ([set, other]) => {
        assert.deepEqual(judged(...other), judged(...set))
      }),
    )
  })
})
