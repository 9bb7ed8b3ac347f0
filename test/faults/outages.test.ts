import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../src/simulator/statistics.ts'
import { unclaimAll } from '../db/stored.ts'
import { assertAppliedOnce } from '../inbox/instance.ts'
import { until } from '../until.ts'
import { postWebhook } from './calls.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { inForm } from './form.ts'
import type { Answer, OpensProvider } from './opens-provider.ts'
import { Rig } from './rig.ts'

const temporalOutageMs = inForm({ short: 2_500, long: 60_000 })
const postgresOutageMs = inForm({ short: 2_500, long: 12_000 })

/** The answer of a server that replays its log after a crash: SQLSTATE 57P03. */
const startingUp = errorResponse({ S: 'FATAL', V: 'FATAL', C: '57P03', M: 'the database system is starting up' })

const outages = {
  'refuses connections': (proxy: FaultProxy) => proxy.refuse(),
  'is a black hole': (proxy: FaultProxy) => proxy.hold(),
  'is in recovery': (proxy: FaultProxy) => proxy.answerOnly(startingUp),
} satisfies Record<string, (proxy: FaultProxy) => void>

describe('faults: servers are unavailable', function () {
  this.timeout(temporalOutageMs + 120_000)
  let rig: Rig
  before(async () => {
    rig = await Rig.start()
  })
  after(() => rig.stop())
  afterEach(() => rig.restore())

  const inject = (fault: (proxy: FaultProxy) => void, server: Rig['toPostgres']) => {
    for (const proxy of [server.api, server.worker]) fault(proxy)
    return Date.now()
  }

  /** Every acknowledged event is applied once, and no workflow has failed. */
  const assertNothingLost = async (provider: OpensProvider) => {
    await provider.stop()
    // The long form waits until the leases expire.
    if (inForm({ short: true, long: false })) await unclaimAll(rig.db)
    await assertAppliedOnce(rig.db, provider.acknowledged, 120_000)
    assert.equal(await rig.failedWorkflows(), 0)
  }

  for (const what of ['refuses connections', 'is a black hole'] as const) {
    it(`Temporal ${what}: webhooks are acknowledged, and their events are applied when it is back`, async () => {
      const { toTemporal } = rig
      const provider = rig.provider(100, 40)
      await until(async () => (await rig.appliedCount()) > 100)
      const injectedAt = inject(outages[what], toTemporal)
      await sleep(temporalOutageMs / 2)
      const ready = await answerOf(`${rig.apis[0]?.url}/readyz`)
      await sleep(temporalOutageMs / 2)
      const connections = toTemporal.api.connections + toTemporal.worker.connections
      const during = provider.answersTo(injectedAt, Date.now() - 2_000)
      await rig.restore()
      const appliesAfterMs = await rig.untilMoreApplied()
      const startedAt = performance.now()
      await assertNothingLost(provider)
      const latencies = during.map(({ ms }) => ms)
      const p99Ms = percentile(latencies, 0.99) ?? Number.NaN
      console.log(
        `      ${temporalOutageMs / 1_000} s down, ${during.length} acks, p99 ${Math.round(p99Ms)} ms, ` +
          `longest ${Math.round(Math.max(...latencies))} ms; applies again ${Math.round(appliesAfterMs)} ms after its return, ` +
          `all applied ${Math.round(performance.now() - startedAt)} ms later; ` +
          `/readyz ${ready.status} in ${Math.round(ready.ms)} ms; ${connections} connections held`,
      )
      assert.ok(during.length > temporalOutageMs / 50, 'webhooks were sent during the outage')
      assert.deepEqual(
        during.filter(({ status }) => status !== 200),
        [],
      )
      assert.ok(p99Ms < 2_000)
      assert.deepEqual([ready.status, ready.ms < 3_000], [200, true], 'an API that acknowledges webhooks is ready')
      assert.ok(connections < 50)
      assert.ok(appliesAfterMs < 15_000, `applied after ${appliesAfterMs} ms`)
    })
  }

  for (const [what, fault] of Object.entries(outages)) {
    it(`PostgreSQL ${what}: webhooks get 503 within 2 seconds, and nothing is lost`, async () => {
      const provider = rig.provider(50, 20)
      await until(() => provider.acknowledged.size > 50)
      const injectedAt = inject(fault, rig.toPostgres)
      await sleep(postgresOutageMs)
      const refusals = provider.answersTo(injectedAt + 100, Date.now() - 2_100)
      await rig.restore()
      const [restoredAt, acknowledgedBefore] = [performance.now(), provider.acknowledged.size]
      await until(() => provider.acknowledged.size > acknowledgedBefore + 50)
      const againAfterMs = performance.now() - restoredAt
      await assertNothingLost(provider)
      console.log(`      ${textOf(refusals)}; acknowledged again ${Math.round(againAfterMs)} ms after its return`)
      assertRefused(refusals)
    })
  }

  it('PostgreSQL is down for the worker only: workflows wait, with hardly more history than without the outage', async () => {
    const [calm, disturbed] = [rig.provider(20, 10), rig.provider(20, 10)]
    await Promise.all([calm, disturbed].map((provider) => until(() => provider.acknowledged.size >= 20)))
    await Promise.all([calm, disturbed].map((provider) => assertNothingLost(provider)))
    const faults = inForm({ short: [outages['refuses connections']], long: Object.values(outages) })
    const before = await historyLengths(rig, disturbed)
    for (const fault of faults) {
      fault(rig.toPostgres.worker)
      await post(rig, disturbed.emailIds(), `disturbed by ${fault}`)
      await sleep(postgresOutageMs)
      await rig.restore()
      await until(async () => (await rig.db.event.count({ where: { appliedAt: null } })) === 0, 60_000)
    }
    const calmBefore = await historyLengths(rig, calm)
    for (const fault of faults) {
      await post(rig, calm.emailIds(), `not disturbed by ${fault}`)
      await until(async () => (await rig.db.event.count({ where: { appliedAt: null } })) === 0, 60_000)
    }
    const grown = (lengths: number[], from: number[]) => lengths.map((length, n) => length - (from[n] ?? 0))
    const calmGrowth = grown(await historyLengths(rig, calm), calmBefore)
    const extra = grown(await historyLengths(rig, disturbed), before).map(
      (length) => (length - Math.min(...calmGrowth)) / faults.length,
    )
    const median = extra.sort((a, b) => a - b)[Math.floor(extra.length / 2)] ?? Number.POSITIVE_INFINITY
    console.log(`      ${median.toFixed(1)} history events more for each outage, at most ${extra.at(-1)?.toFixed(1)}`)
    // The median: on a busy machine, late tasks add to some.
    assert.ok(median <= 15)
    assert.equal(await rig.failedWorkflows(), 0)
  })

  const firstUp = inForm({ short: ['toTemporal'] as const, long: ['toTemporal', 'toPostgres'] as const })
  for (const first of firstUp) {
    it(`both are down, and ${first === 'toPostgres' ? 'PostgreSQL' : 'Temporal'} is back first: everything is applied`, async () => {
      const provider = rig.provider(50, 20)
      await until(() => provider.acknowledged.size > 50)
      const injectedAt = inject((proxy) => proxy.refuse(), rig.toPostgres)
      inject((proxy) => proxy.refuse(), rig.toTemporal)
      await sleep(postgresOutageMs)
      const refusals = provider.answersTo(injectedAt + 100, Date.now() - 2_100)
      await Promise.all([rig[first].api.restore(), rig[first].worker.restore()])
      await sleep(1_000)
      await rig.restore()
      const appliesAfterMs = await rig.untilMoreApplied()
      await assertNothingLost(provider)
      console.log(`      ${textOf(refusals)}; applies again ${Math.round(appliesAfterMs)} ms after both are back`)
      assertRefused(refusals)
    })
  }
})

async function answerOf(url: string): Promise<{ status: number; ms: number }> {
  const startedAt = performance.now()
  const response = await fetch(url)
  await response.arrayBuffer()
  return { status: response.status, ms: performance.now() - startedAt }
}

function assertRefused(refusals: readonly Answer[]): void {
  assert.ok(refusals.length > 0)
  for (const { status, retryAfter, ms } of refusals) {
    assert.equal(status, 503)
    assert.match(retryAfter ?? '', /^[1-9]\d*$/)
    assert.ok(ms < 3_000, `refused after ${ms} ms`)
  }
}

const textOf = (refusals: readonly Answer[]): string =>
  `${refusals.length} refused, the slowest after ${Math.round(Math.max(...refusals.map(({ ms }) => ms)))} ms`

const historyLengths = (rig: Rig, provider: OpensProvider): Promise<number[]> =>
  Promise.all(provider.emailIds().map(async (id) => (await rig.historyOf(id)).length))

/** One open of each email. */
async function post(rig: Rig, emailIds: readonly string[], what: string): Promise<void> {
  for (const emailId of emailIds) {
    const event = { id: `${emailId}: ${what}`, type: 'email.opened', data: { email_id: emailId } }
    await postWebhook(rig.apis[0]?.url ?? '', event)
  }
}

function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .map(([name, value]) => `${name}${value}\0`)
      .join('')}\0`,
  )
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
