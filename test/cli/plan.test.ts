import assert from 'node:assert/strict'
import { type PlannedEmail, type PlanOptions, planEmails } from '../../src/cli/simulate/plan.ts'
import { isLikelyHuman } from '../../src/domain/engagement-policy.ts'
import { plainly } from './simulate-options.ts'

const options: PlanOptions = { emails: 2_000, rate: 100, seed: 7, speed: 600, run: 'r1', ...plainly }

const shareOf = (plan: readonly PlannedEmail[], holds: (email: PlannedEmail) => boolean) =>
  plan.filter(holds).length / plan.length

const has = (email: PlannedEmail, type: string) => email.events.some((event) => event.type === type)

function assertBetween(value: number, low: number, high: number, what: string): void {
  assert.ok(value >= low && value <= high, `${what} is ${value}, not between ${low} and ${high}`)
}

describe('the plan of a simulation', () => {
  const plan = planEmails(options)

  it('is the same for the same seed, and another for another', () => {
    assert.deepEqual(planEmails(options), plan)
    const fates = (seed: number) => planEmails({ ...options, seed }).map((email) => email.fate.ends)
    assert.notDeepEqual(fates(8), fates(7))
  })

  it('gives every run IDs and addresses of its own, but the same lives', () => {
    const other = planEmails({ ...options, run: 'r2' })
    const keys = (of: readonly PlannedEmail[]) =>
      of.flatMap((email) => [email.id, ...email.to, ...email.events.map((event) => event.id)])
    assert.equal(new Set([...keys(plan), ...keys(other)]).size, keys(plan).length + keys(other).length)
    assert.deepEqual(
      other.map((email) => email.fate),
      plan.map((email) => email.fate),
    )
  })

  it('has the shares that providers see', () => {
    const bounced = (of: string) => (email: PlannedEmail) => email.events.some((event) => event.bounce?.class === of)
    assertBetween(
      shareOf(plan, (email) => has(email, 'delivered')),
      0.92,
      0.97,
      'delivered',
    )
    assertBetween(shareOf(plan, bounced('hard')), 0.03, 0.04, 'hard bounced')
    assertBetween(shareOf(plan, bounced('soft')), 0.04, 0.04, 'soft bounced')
    assertBetween(
      shareOf(plan, (email) => has(email, 'complained')),
      0.005,
      0.005,
      'complained',
    )
    assertBetween(
      shareOf(plan, (email) => email.fate.ends === 'stall'),
      0.01,
      0.01,
      'stalled',
    )
    const delivered = plan.filter((email) => has(email, 'delivered'))
    assertBetween(
      shareOf(delivered, (email) => has(email, 'opened')),
      0.4,
      0.5,
      'opened',
    )
    assertBetween(
      shareOf(delivered, (email) => has(email, 'clicked')),
      0.09,
      0.15,
      'clicked',
    )
    assertBetween(
      shareOf(plan, (email) => email.registration === null),
      0.015,
      0.04,
      'never registered',
    )
    assertBetween(
      shareOf(plan, (email) => email.to.length > 1),
      0.02,
      0.08,
      'for several people',
    )
    assertBetween(
      shareOf(plan, (email) => email.fate.isCritical),
      0.07,
      0.15,
      'critical',
    )
  })

  it('has every ending even in a short run, with a critical bounce and a critical complaint', () => {
    const endings = new Set(
      planEmails({ ...options, emails: 40 }).map((email) => `${email.fate.ends} ${email.fate.isCritical}`),
    )
    for (const ending of ['hard_bounce true', 'complaint true']) assert.ok(endings.has(ending), ending)
    assert.ok([...endings].some((ending) => ending.startsWith('stall')))
    assert.equal(planEmails({ ...options, emails: 1 }).length, 1)
  })

  it('registers some emails only after all of their events were posted', () => {
    const isLate = (email: PlannedEmail) =>
      (email.registration?.postsAfterMs[0] ?? 0) > Math.max(...email.events.flatMap((event) => event.postsAfterMs))
    assertBetween(shareOf(plan, isLate), 0.015, 0.05, 'registered late')
  })

  it('repeats and reorders some events, and posts none before it has occurred', () => {
    const events = plan.flatMap((email) => email.events)
    assert.ok(events.every((event) => event.postsAfterMs.every((at) => at >= event.occursAfterMs)))
    const repeated = events.filter((event) => event.postsAfterMs.length > 1)
    assertBetween(repeated.length / events.length, 0.03, 0.07, 'repeated')
    assert.ok(
      repeated.some(({ postsAfterMs: [first, again] }) => first === again),
      'some at the same moment',
    )
    const isReordered = ({ events: own }: PlannedEmail) =>
      own.some((event, index) => (event.postsAfterMs[0] ?? 0) > (own[index + 1]?.postsAfterMs[0] ?? Infinity))
    assertBetween(shareOf(plan, isReordered), 0.1, 0.6, 'reordered')
  })

  it('lets no two things happen to an email in the same millisecond, at any speed', () => {
    for (const email of planEmails({ ...options, emails: 300, speed: 1_000_000 })) {
      assert.equal(new Set(email.events.map((event) => event.occursAfterMs)).size, email.events.length)
    }
  })

  it('begins emails at the rate', () => {
    assert.equal(plan[1_000]?.startsAfterMs, 10_000)
  })

  it('knows which user agents are machines, in agreement with the engagement policy', () => {
    for (const { engagement } of plan.flatMap((email) => email.events)) {
      if (engagement) assert.equal(isLikelyHuman(engagement.userAgent), !engagement.byMachine, engagement.userAgent)
    }
  })

  it('writes to reserved domains only', () => {
    for (const address of plan.flatMap((email) => email.to))
      assert.match(address, /@([a-z]+\.)?example\.(com|org|net)$/i)
  })
})
