import assert from 'node:assert/strict'
import { ConfigurationError } from '../../src/errors.ts'
import type { ProviderEntry } from '../../src/providers/provider.ts'
import { providerNamed } from '../../src/providers/registry.ts'
import type { PlannedEmail } from '../../src/simulator/plan.ts'
import { planEmails, planFor } from '../../src/simulator/plan.ts'
import { lastPostOf, withFaults } from '../../src/simulator/provider-faults.ts'
import { checkAsksStandIn } from '../../src/simulator/reconciling.ts'
import { simulate } from '../../src/simulator/simulation.ts'
import { standIns } from '../../src/stand-ins/registry.ts'
import type { ProviderStandIn } from '../../src/stand-ins/stand-in.ts'
import { aisendForm, parseOptions } from './simulate-options.ts'
import { type StandIn, startStandIn } from './stand-in.ts'

const entryOf = (name: string): ProviderEntry => {
  const entry = providerNamed(name)
  assert.ok(entry)
  return entry
}

describe('a simulation with the stand-in for', function () {
  this.timeout(30_000)
  let system: StandIn
  let standIn: ProviderStandIn
  let printed: string[]
  afterEach(() => {
    system.close()
    standIn.close()
  })

  /** With half of the webhooks lost: whatever is right in the end was found at the stand-in. */
  const start = async (provider: string) => {
    printed = []
    system = await startStandIn()
    const entry = entryOf(provider)
    const started = await standIns[provider]?.start({ webhookSecret: system.targetOf(provider).webhookSecret })
    assert.ok(started)
    standIn = started
    const history = entry.createApi?.({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey }).history
    assert.ok(history)
    system.record = history
    return { entry, delayMs: history.delayMs }
  }
  const run = ({ entry, delayMs }: { entry: ProviderEntry; delayMs: number }, timeout = '15s') => {
    const faults = ['--lose', '50%', '--duplicate', '20%', '--reorder', '--outage', '10m']
    const plan = ['--emails', '40', '--rate', '2000', '--speed', '100000', '--timeout', timeout, '--no-progress']
    const options = parseOptions(['--stand-in', entry.name, '--verify', ...faults, ...plan], Date.now())
    const output = { print: (text: string) => void printed.push(text), progress: process.stderr }
    return simulate(options, system.targetOf(entry.name), entry, output, { standIn, delayMs })
  }

  for (const provider of ['mailgun', 'postmark']) {
    it(`${provider} ends without a difference, since what was lost is reconciled`, async () => {
      const started = await start(provider)
      assert.equal(await run(started), true, printed.join('\n'))
      assert.match(printed.join('\n'), /reconciled in [\s\S]*40 emails verified, 0 differences/)
    })
  }

  it('resend shows the differences that are left without reconciling', async () => {
    const started = await start('resend')
    system.record = {
      ...(system.record as NonNullable<StandIn['record']>),
      read: async () => ({ events: [], next: null }),
    }
    assert.equal(await run(started, '1500ms'), false)
    assert.match(printed.join('\n'), /40 emails verified, [1-9]\d* differences/)
  })

  it('sendgrid does not start unless the system asks it', async () => {
    const { entry, delayMs } = await start('sendgrid')
    const asked = { target: system.target, provider: entry, timeoutMs: 5_000 }
    const check = () => checkAsksStandIn(asked, standIn, delayMs, 'SENDGRID_API_URL=…')
    await check()
    const { record } = system
    const refusedWith = (text: RegExp) => (error: Error) =>
      error instanceof ConfigurationError && text.test(error.message)
    system.record = record && { ...record, read: async () => ({ events: [], next: null }) }
    await assert.rejects(
      check,
      refusedWith(/another API of SendGrid than the stand-in: start it with SENDGRID_API_URL/),
    )
    system.record = null
    await assert.rejects(check, refusedWith(/does not ask SendGrid: start it with SENDGRID_API_URL/))
  })
})

describe('the faults of a provider', () => {
  const form = { emails: 400, rate: 100, seed: 3, speed: 600, run: 'f' }
  const plan = planFor(entryOf('aisend'), planEmails({ ...form, ...aisendForm }))
  const none = { lose: 0, duplicate: 0, reorder: false, outageMs: 0 }
  const postsIn = (emails: readonly PlannedEmail[]) =>
    emails.flatMap(({ startsAfterMs, events }) =>
      events.map(({ postsAfterMs }) => postsAfterMs.map((after) => startsAfterMs + after)),
    )
  const shareOf = (posts: readonly number[][], is: (times: number[]) => boolean) =>
    posts.filter(is).length / posts.length

  it('lose and repeat the share that they name, the same for the same seed', () => {
    const posts = postsIn(withFaults(plan, { ...none, lose: 0.05, duplicate: 0.2 }, form))
    const [lost, repeated] = [
      shareOf(posts, (times) => times.length === 0),
      shareOf(posts, (times) => times.length === 2),
    ]
    assert.ok(lost > 0.03 && lost < 0.07 && repeated > 0.15 && repeated < 0.23, `${lost} ${repeated}`)
    assert.deepEqual(postsIn(withFaults(plan, { ...none, lose: 0.05, duplicate: 0.2 }, form)), posts)
  })

  it('let later webhooks overtake earlier ones, and only then', () => {
    const isOvertaken = (emails: readonly PlannedEmail[]) =>
      emails.some(({ events }) =>
        events.some(
          ({ postsAfterMs: [at = 0] }, index) => at > (events[index + 1]?.postsAfterMs[0] ?? Number.MAX_VALUE),
        ),
      )
    assert.equal(isOvertaken(withFaults(plan, none, form)), false)
    assert.equal(isOvertaken(withFaults(plan, { ...none, reorder: true }, form)), true)
  })

  it('post nothing for an outage in the middle, and something before and after it', () => {
    const lengthMs = 2_000
    const posts = postsIn(withFaults(plan, { ...none, outageMs: lengthMs * form.speed }, form))
    const from = (lastPostOf(withFaults(plan, none, form)) - lengthMs) / 2
    const times = posts.flat()
    assert.deepEqual(
      times.filter((at) => at >= from && at < from + lengthMs),
      [],
    )
    assert.ok(times.some((at) => at < from) && times.some((at) => at >= from + lengthMs))
    assert.ok(posts.some((each) => each.length === 0))
  })
})
