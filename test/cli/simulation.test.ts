import assert from 'node:assert/strict'
import type { SimulateOptions } from '../../src/cli/simulate/options.ts'
import { expectedOf } from '../../src/cli/simulate/oracle.ts'
import { planEmails } from '../../src/cli/simulate/plan.ts'
import { probe } from '../../src/cli/simulate/probe.ts'
import { createReader } from '../../src/cli/simulate/reader.ts'
import { simulate } from '../../src/cli/simulate/simulation.ts'
import { verifyEmails } from '../../src/cli/simulate/verify.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { type ProviderEntry, providers } from '../../src/providers/registry.ts'
import { parseOptions, plainly } from './simulate-options.ts'
import { keyOf, type StandIn, startStandIn } from './stand-in.ts'

const inASecond = [
  '--emails',
  '120',
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

describe('a simulation', function () {
  this.timeout(30_000)
  let standIn: StandIn
  let printed: string[]

  beforeEach(async () => {
    standIn = await startStandIn()
    printed = []
  })
  afterEach(() => standIn.close())

  const options = (more: string[] = []): SimulateOptions => parseOptions([...inASecond, ...more], Date.now())
  const [aisend] = providers as readonly [ProviderEntry]
  const runAs = (provider: ProviderEntry, ...more: string[]) =>
    simulate(options(more), standIn.targetOf(provider.name), provider, {
      print: (text) => void printed.push(text),
      progress: process.stderr,
    })
  const run = (...more: string[]) => runAs(aisend, ...more)
  const planned = (...more: string[]) => planEmails({ ...options(more), ...plainly })

  it('ends with 0 and no difference against a system that does what it must', async () => {
    assert.equal(await run('--verify'), 0, printed.join('\n'))
    assert.equal(printed.at(-1)?.trim(), '120 emails verified, 0 differences')
    assert.ok(standIn.suppressions.size > 0)
    assert.match(printed.join('\n'), /posted\s+sent\s+duplicates\s+retries\s+failed\nregistration/)
    assert.match(printed.join('\n'), /answered in: p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms/)
  })

  for (const provider of providers.slice(1)) {
    it(`as ${provider.title} ends with no difference either, and tells only what that provider tells`, async () => {
      await probe(standIn.targetOf(provider.name), provider)
      assert.equal(await runAs(provider, '--verify', '--rate', '2000'), 0, printed.join('\n'))
      const [, table = ''] = printed
      for (const type of [
        'queued',
        'sending',
        'sent',
        'delivered',
        'opened',
        'clicked',
        'bounced',
        'complained',
      ] as const) {
        assert.equal(new RegExp(`\\n${type} `).test(table), provider.tells.includes(type), type)
      }
    })
  }

  it('answers with JSON alone when it is asked to', async () => {
    await run('--verify', '--json')
    const [report, ...more] = printed.map((text) => JSON.parse(text))
    assert.deepEqual([report.emails, report.provider, report.differences, more], [120, 'aisend', [], []])
  })

  it('posts every event again until it is taken, and nothing is lost', async () => {
    let count = 0
    standIn.refuse = (request) => (request.method === 'POST' && ++count % 6 === 0 ? 503 : null)
    assert.equal(await run('--verify'), 0, printed.join('\n'))
    assert.match(printed.join('\n'), /\nall +\d+ +\d+ +[1-9]\d* +0\n/)
  })

  it('survives connections that break', async () => {
    let count = 0
    standIn.refuse = (request) => {
      if (request.method === 'POST' && ++count % 10 === 0) request.socket.destroy()
      return null
    }
    assert.equal(await run('--verify'), 0, printed.join('\n'))
  })

  it('posts duplicates with the ID of the event they repeat', async () => {
    await run()
    const events = planned('--run', 'any').flatMap((email) => email.events)
    const copies = events.reduce((sum, event) => sum + event.postsAfterMs.length, 0)
    assert.equal(standIn.webhooks.length, copies)
    assert.equal(new Set(standIn.webhooks.map((webhook) => webhook.id)).size, events.length)
    assert.ok(copies > events.length)
  })

  it('ends with 1 and says why when webhooks could not be delivered', async () => {
    standIn.refuse = (request) => (request.url?.startsWith('/webhooks') ? 500 : null)
    assert.equal(await run('--emails', '3', '--timeout', '100ms'), 1)
    assert.match(printed.join('\n'), /given up: \d+ × answered 500/)
  })

  it('ends with 1 and names email, field, expected and actual when something differs', async () => {
    standIn.distort = (answer) => {
      if (answer['status'] === 'complained') answer['opens'] = { total: 99, human: 0, firstAt: null, lastAt: null }
    }
    assert.equal(await run('--verify', '--timeout', '1500ms'), 1)
    const text = printed.join('\n')
    assert.match(text, /em_\S+ {2}opens\.total: expected \d+, is 99/)
    assert.match(text, /120 emails verified, [1-9]\d* differences$/)
  })

  it('finds a recipient who was suppressed by mistake', async () => {
    const plan = planned('--run', 'r')
    const clean = plan.find((email) => email.fate.ends === 'settled')
    assert.ok(clean)
    standIn.suppressions.set(keyOf(clean.to[0] ?? ''), 'hard_bounce')
    assert.equal(await run('--verify', '--run', 'r', '--timeout', '1500ms'), 1)
    assert.match(printed.join('\n'), /suppression of \S+: expected none, is suppressed/)
  })

  it('stops waiting once all is applied and nothing changes any more', async () => {
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
    const beganAt = Date.now()
    const expected = plan.slice(0, 5).map((email) => ({ ...expectedOf(email, 0), priority: 'critical' }))
    const reader = createReader(standIn.target, (task) => task())
    const differences = await verifyEmails(expected, { reader, timeoutMs: 60_000, quietMs: 300, onVerified() {} })
    assert.ok(differences.some(({ field }) => field === 'priority'))
    assert.ok(Date.now() - beganAt < 10_000)
  })

  it('looks a second time, so that what goes wrong late is seen', async () => {
    const looks = new Map<unknown, number>()
    standIn.distort = (answer) => {
      const look = (looks.get(answer['id']) ?? 0) + 1
      looks.set(answer['id'], look)
      if (look > 1 && Math.min(...looks.values()) > 0 && looks.size === 120)
        answer['escalations'] = [{ reason: 'recipient_unclear' }]
    }
    assert.equal(await run('--verify', '--timeout', '5s'), 1)
    assert.match(printed.join('\n'), /escalations: expected/)
  })

  it('tells before it begins that key, secret or address are wrong', async () => {
    const { target } = standIn
    await probe(target, aisend)
    await assert.rejects(probe({ ...target, apiKey: 'another' }, aisend), /API key/)
    await assert.rejects(probe({ ...target, webhookSecret: 'another' }, aisend), /webhook secret/)
    standIn.close()
    await assert.rejects(probe(target, aisend), ConfigurationError)
  })
})
