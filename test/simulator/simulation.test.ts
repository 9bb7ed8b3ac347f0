import assert from 'node:assert/strict'
import { providerEventTypes } from '../../src/domain/events.ts'
import { ConfigurationError } from '../../src/errors.ts'
import type { ProviderEntry } from '../../src/providers/provider.ts'
import { eventProviders, providers } from '../../src/providers/registry.ts'
import type { SimulateOptions } from '../../src/simulator/options.ts'
import { expectedEmail } from '../../src/simulator/oracle.ts'
import { planEmails } from '../../src/simulator/plan.ts'
import { probe } from '../../src/simulator/probe.ts'
import { createReader } from '../../src/simulator/reader.ts'
import { simulate } from '../../src/simulator/simulation.ts'
import { verifyEmails } from '../../src/simulator/verify.ts'
import { aisendForm, parseOptions } from './simulate-options.ts'
import { keyOf, type StandIn, startStandIn } from './stand-in.ts'

const inASecond = [
  '--emails',
  '60',
  '--rate',
  '500',
  '--seed',
  '7',
  '--speed',
  '100000',
  '--no-progress',
  '--timeout',
  '20s',
]

const options = (more: string[] = []): SimulateOptions => parseOptions([...inASecond, ...more], Date.now())

const play = (provider: ProviderEntry, standIn: StandIn, options: SimulateOptions, printed: string[]) =>
  simulate(options, standIn.targetOf(provider.name), provider, {
    print: (text) => void printed.push(text),
    progress: process.stderr,
  })

describe('a simulation', function () {
  this.timeout(30_000)
  let standIn: StandIn
  let printed: string[]

  beforeEach(async () => {
    standIn = await startStandIn()
    printed = []
  })
  afterEach(() => standIn.close())

  const [aisend] = providers as readonly [ProviderEntry]
  const run = (...more: string[]) => play(aisend, standIn, options(more), printed)
  const planned = (...more: string[]) => planEmails({ ...options(more), ...aisendForm })

  it('succeeds without a difference against a correct system', async () => {
    assert.equal(await run('--verify'), true, printed.join('\n'))
    assert.equal(printed.at(-1)?.trim(), '60 emails verified, 0 differences')
    assert.ok(standIn.suppressions.size > 0)
    assert.match(printed.join('\n'), /posted\s+sent\s+duplicates\s+retries\s+failed\nregistration/)
    assert.match(printed.join('\n'), /response time: p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms/)
  })

  it('prints only JSON with --json', async () => {
    await run('--verify', '--json')
    const [report, ...more] = printed.map((text) => JSON.parse(text))
    assert.deepEqual([report.emails, report.provider, report.differences, more], [60, 'aisend', [], []])
  })

  it('retries every event until it is accepted', async () => {
    let count = 0
    standIn.refuse = (request) => (request.method === 'POST' && ++count % 6 === 0 ? 503 : null)
    assert.equal(await run('--verify'), true, printed.join('\n'))
    assert.match(printed.join('\n'), /\nall +\d+ +\d+ +[1-9]\d* +0\n/)
  })

  it('retries after broken connections', async () => {
    let count = 0
    standIn.refuse = (request) => {
      if (request.method === 'POST' && ++count % 10 === 0) request.socket.destroy()
      return null
    }
    assert.equal(await run('--verify'), true, printed.join('\n'))
  })

  it('posts duplicates with the ID of their event', async () => {
    await run()
    const events = planned('--run', 'any').flatMap((email) => email.events)
    const copies = events.reduce((sum, event) => sum + event.postsAfterMs.length, 0)
    assert.equal(standIn.webhooks.length, copies)
    assert.equal(new Set(standIn.webhooks.map((webhook) => webhook.id)).size, events.length)
    assert.ok(copies > events.length)
  })

  it('fails and prints the error when webhooks are not accepted', async () => {
    standIn.refuse = (request) => (request.url?.startsWith('/webhooks') ? 500 : null)
    assert.equal(await run('--emails', '3', '--timeout', '100ms'), false)
    assert.match(printed.join('\n'), /given up: \d+ × status 500/)
  })

  it('fails and prints email, field, expected and actual value when something differs', async () => {
    standIn.distort = (answer) => {
      if (answer['status'] === 'complained') answer['opens'] = { total: 99, human: 0, firstAt: null, lastAt: null }
    }
    assert.equal(await run('--verify', '--timeout', '1500ms'), false)
    const text = printed.join('\n')
    assert.match(text, /em_\S+ {2}opens\.total: expected \d+, got 99/)
    assert.match(text, /60 emails verified, [1-9]\d* differences$/)
  })

  it('finds a recipient who is wrongly suppressed', async () => {
    const plan = planned('--run', 'r')
    const clean = plan.find(
      (email) => email.outcome.endings.every((ending) => ending === 'delivered') && !email.outcome.isComplaint,
    )
    assert.ok(clean)
    standIn.suppressions.set(keyOf(clean.to[0] ?? ''), 'hard_bounce')
    assert.equal(await run('--verify', '--run', 'r', '--timeout', '1500ms'), false)
    assert.match(printed.join('\n'), /suppression of \S+: expected none, got suppressed/)
  })

  it('stops waiting when all events are applied and nothing changes', async () => {
    const plan = planned('--run', 'r')
    await run('--run', 'r')
    const appliedAt = new Date().toISOString()
    standIn.distort = (answer) => {
      const events = plan.find(({ id }) => id === answer['id'])?.events ?? []
      answer['priority'] = 'bulk'
      answer['events'] = events.map(({ id, type, occursAfterMs }) => {
        return { id, type, occurredAt: new Date(occursAfterMs).toISOString(), appliedAt }
      })
    }
    const startedAt = Date.now()
    const expected = plan.slice(0, 5).map((email) => ({ ...expectedEmail(email, 0), priority: 'critical' }))
    const reader = createReader(standIn.target, (task) => task())
    const differences = await verifyEmails(expected, { reader, timeoutMs: 60_000, quietMs: 300, onVerified() {} })
    assert.ok(differences.some(({ field }) => field === 'priority'))
    assert.ok(Date.now() - startedAt < 10_000)
  })

  it('checks each email a second time, and so finds late errors', async () => {
    const reads = new Map<unknown, number>()
    standIn.distort = (answer) => {
      const read = (reads.get(answer['id']) ?? 0) + 1
      reads.set(answer['id'], read)
      if (read > 1 && Math.min(...reads.values()) > 0 && reads.size === 60)
        answer['escalations'] = [{ reason: 'recipient_unclear' }]
    }
    assert.equal(await run('--verify', '--timeout', '5s'), false)
    assert.match(printed.join('\n'), /escalations: expected/)
  })

  it('reports a wrong key, secret or address before it starts', async () => {
    const { target } = standIn
    await probe(target, aisend)
    await assert.rejects(probe({ ...target, apiKey: 'another' }, aisend), /API key/)
    await assert.rejects(probe({ ...target, webhookSecret: 'another' }, aisend), /webhook secret/)
    standIn.close()
    await assert.rejects(probe(target, aisend), ConfigurationError)
  })
})

describe('a simulation as', function () {
  this.timeout(30_000)
  const form = ['--verify', '--rate', '2000', '--emails', '30']
  const standIns: StandIn[] = []
  after(() => {
    for (const standIn of standIns) standIn.close()
  })

  async function played(provider: ProviderEntry): Promise<{ succeeded: boolean; printed: string[] }> {
    const [standIn, printed] = [await startStandIn(), [] as string[]]
    standIns.push(standIn)
    await probe(standIn.targetOf(provider.name), provider)
    return { succeeded: await play(provider, standIn, options(form), printed), printed }
  }

  /** Their events are whole seconds apart, and posted then: these run at once, each for 7 seconds. */
  const inSeconds = eventProviders.slice(1).filter(({ sampleFormat }) => sampleFormat.timeResolutionMs >= 1_000)
  const running = new Map<string, ReturnType<typeof played>>()
  before(async () => {
    for (const provider of inSeconds) running.set(provider.name, played(provider))
    await Promise.allSettled(running.values())
  })

  for (const provider of eventProviders.slice(1)) {
    it(`${provider.title} succeeds without a difference, and posts only the events of that provider`, async () => {
      const { succeeded, printed } = await (running.get(provider.name) ?? played(provider))
      assert.equal(succeeded, true, printed.join('\n'))
      const [, table = ''] = printed
      for (const type of providerEventTypes) {
        assert.equal(new RegExp(`\\n${type} `).test(table), provider.eventTypes.includes(type), type)
      }
    })
  }
})
