import assert from 'node:assert/strict'
import { isLikelyHuman } from '../../src/domain/engagement-policy.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import type { ProviderEntry } from '../../src/providers/provider.ts'
import { eventProviders } from '../../src/providers/registry.ts'
import { type PlannedEmail, type PlanOptions, planEmails, planFor } from '../../src/simulator/plan.ts'
import { adapterOf, receivedAt } from '../providers/adapter.ts'
import { aisendForm } from './simulate-options.ts'

const options: PlanOptions = { emails: 2_000, rate: 100, seed: 7, speed: 600, run: 'r1', ...aisendForm }

const secrets = new Map<ProviderEntry, string>()
const secretOf = (provider: ProviderEntry): string => {
  const secret = secrets.get(provider) ?? provider.generateSecret().signing
  secrets.set(provider, secret)
  return secret
}

const shareOf = (plan: readonly PlannedEmail[], holds: (email: PlannedEmail) => boolean) =>
  plan.filter(holds).length / plan.length

const has = (email: PlannedEmail, type: string) => email.events.some((event) => event.type === type)

function assertBetween(value: number, low: number, high: number, what: string): void {
  assert.ok(value >= low && value <= high, `${what} is ${value}, not between ${low} and ${high}`)
}

describe('the plan of a simulation', () => {
  const plan = planEmails(options)

  it('is the same for the same seed, and another for another seed', () => {
    assert.deepEqual(planEmails(options), plan)
    const outcomes = (seed: number) => planEmails({ ...options, seed }).map((email) => email.outcome.endings)
    assert.notDeepEqual(outcomes(8), outcomes(7))
  })

  it('has different IDs and addresses for each run, but the same outcomes', () => {
    const other = planEmails({ ...options, run: 'r2' })
    const keys = (of: readonly PlannedEmail[]) =>
      of.flatMap((email) => [email.id, ...email.to, ...email.events.map((event) => event.id)])
    assert.equal(new Set([...keys(plan), ...keys(other)]).size, keys(plan).length + keys(other).length)
    assert.deepEqual(
      other.map((email) => email.outcome),
      plan.map((email) => email.outcome),
    )
  })

  it('has realistic shares of outcomes', () => {
    const bounced = (of: string) => (email: PlannedEmail) => email.events.some((event) => event.failure?.outcome === of)
    assertBetween(
      shareOf(plan, (email) => has(email, 'delivered')),
      0.92,
      0.97,
      'delivered',
    )
    assertBetween(shareOf(plan, bounced('bounced')), 0.02, 0.05, 'refused by the address')
    assertBetween(shareOf(plan, bounced('failed')), 0.02, 0.05, 'refused for another reason')
    assertBetween(shareOf(plan, bounced('deferred')), 0.04, 0.04, 'delayed')
    assertBetween(
      shareOf(plan, (email) => has(email, 'complained')),
      0.005,
      0.005,
      'complained',
    )
    assertBetween(
      shareOf(plan, (email) => email.outcome.endings[0] === 'silent'),
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
      0.05,
      0.12,
      'for several people',
    )
    assertBetween(
      shareOf(plan, (email) => email.outcome.isCritical),
      0.07,
      0.15,
      'critical',
    )
  })

  it('has every outcome even in a short run, with critical failures, a critical complaint and a partial delivery', () => {
    const outcomes = planEmails({ ...options, emails: 40 }).map(({ outcome }) => outcome)
    const criticalEndings = new Set(
      outcomes.filter(({ isCritical }) => isCritical).map(({ endings: [first] }) => first),
    )
    for (const ending of ['address_refused', 'email_refused'] as const) assert.ok(criticalEndings.has(ending), ending)
    assert.ok(outcomes.some(({ isComplaint, isCritical }) => isComplaint && isCritical))
    assert.ok(outcomes.some(({ endings }) => endings.length === 1 && endings[0] === 'silent'))
    assert.ok(outcomes.some(({ endings }) => endings.length > 1 && endings.includes('silent')))
    assert.equal(planEmails({ ...options, emails: 1 }).length, 1)
  })

  it('registers some emails after all of their events', () => {
    const isLate = (email: PlannedEmail) =>
      (email.registration?.postsAfterMs[0] ?? 0) > Math.max(...email.events.flatMap((event) => event.postsAfterMs))
    assertBetween(shareOf(plan, isLate), 0.015, 0.05, 'registered late')
  })

  it('repeats and reorders some events, and posts none before it occurs', () => {
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

  it('has no two events of an email in the same millisecond, at any speed', () => {
    for (const email of planEmails({ ...options, emails: 300, speed: 1_000_000 })) {
      assert.equal(new Set(email.events.map((event) => event.occursAfterMs)).size, email.events.length)
    }
  })

  it('starts emails at the rate', () => {
    assert.equal(plan[1_000]?.startsAfterMs, 10_000)
  })

  it('agrees with the engagement policy on which user agents are machines', () => {
    for (const { engagement } of plan.flatMap((email) => email.events)) {
      if (engagement) assert.equal(isLikelyHuman(engagement.userAgent), !engagement.byMachine, engagement.userAgent)
    }
  })

  it('has addresses in reserved domains only', () => {
    for (const address of plan.flatMap((email) => email.to))
      assert.match(address, /@([a-z]+\.)?example\.(com|org|net)$/i)
  })

  it('names each of several recipients, but for a small share by events that name none', () => {
    const outcomes = plan.filter((email) => email.to.length > 1)
    const said = outcomes.flatMap(({ events }) => events.filter(({ type }) => ['delivered', 'bounced'].includes(type)))
    const unnamed = said.filter(({ recipient }) => recipient === null)
    assertBetween(unnamed.length / said.length, 0.01, 0.25, 'unnamed')
    for (const { events, outcome, to } of outcomes.filter(({ outcome: { namesFirst } }) => namesFirst)) {
      const reached = to.filter((_, index) => outcome.endings[index] === 'delivered')
      assert.deepEqual(
        events.flatMap(({ type, recipient }) => (type === 'delivered' ? [recipient] : [])),
        reached,
      )
    }
  })

  it('sends each email to one recipient, where each recipient’s email has an ID of its own', () => {
    const provider = eventProviders.find(({ name }) => name === 'mandrill') ?? assert.fail()
    assert.ok(plan.some(({ to }) => to.length > 1))
    for (const { to, events } of planFor(provider, plan)) {
      assert.ok(to.length <= 1)
      for (const { recipient } of events) assert.equal(recipient, to[0])
    }
  })

  for (const provider of eventProviders) {
    it(`expects failures as ${provider.title}’s events tell them`, () => {
      const adapter = adapterOf(provider.name)
      const seen = new Set<string>()
      for (const email of planFor(provider, plan)) {
        for (const event of email.events.filter(({ type }) => type === 'bounced')) {
          const kind = `${event.bounce?.message} to ${email.to.length}`
          if (seen.has(kind)) continue
          seen.add(kind)
          const body = provider.sampleFormat.bodyOf([{ ...event, at: new Date(receivedAt) }], email)
          const signed = provider.sign(body, secretOf(provider), receivedAt)
          const [parsed] = adapter.parse(Buffer.from(signed.body), receivedAt, signed.headers)
          const { reason, party, outcome } = judgeBounce(parsed?.bounce ?? null)
          const { suppresses, ...failure } = event.failure ?? { suppresses: false }
          assert.deepEqual({ reason, party, outcome }, failure, `${email.id} ${event.bounce?.message}`)
          assert.equal(outcome === 'bounced', suppresses)
          assert.equal(parsed?.recipient, event.recipient?.toLowerCase() ?? null)
        }
      }
    })
  }
})
