import assert from 'node:assert/strict'
import { expireLeases } from '../db/stored.ts'
import { assertAppliedOnce } from '../inbox/instance.ts'
import { until } from '../until.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { Rig } from './rig.ts'
import type { SystemProcess } from './system-process.ts'

/** Less than `stop_grace_period` in docker-compose.yml, after which the process is killed. */
const graceMs = 26_000

const outages = {
  'refuse connections': (proxy: FaultProxy) => proxy.refuse(),
  'are black holes': (proxy: FaultProxy) => proxy.hold(),
} satisfies Record<string, (proxy: FaultProxy) => void>

describe('faults: a process is stopped while its servers are unavailable', function () {
  this.timeout(180_000)

  let rig: Rig
  before(async () => {
    rig = await Rig.start()
  })
  after(() => rig.stop())

  for (const [what, fault] of Object.entries(outages)) {
    it(`Temporal and PostgreSQL ${what} at that moment: API and worker exit within their grace period`, async () => {
      const provider = rig.provider(50, 20)
      const appliedBefore = await rig.appliedCount()
      await until(async () => (await rig.appliedCount()) > appliedBefore + 100, 60_000)
      for (const { api, worker } of [rig.toPostgres, rig.toTemporal]) {
        fault(api)
        fault(worker)
      }
      // Pending requests are retried until an API is back.
      const allAcknowledged = provider.stop()
      const processes = [...rig.apis, ...rig.workers]
      const exits = await Promise.all(processes.map(stopped))
      console.log(
        `      API and worker exited ${exits.map(({ code, ms }) => `with ${code} after ${ms} ms`).join(', ')}`,
      )
      await rig.restore()
      for (const one of processes) await startAgain(one)
      await allAcknowledged
      await expireLeases(rig.db)
      await assertAppliedOnce(rig.db, provider.acknowledged, 120_000)
      for (const { code, ms, output } of exits) {
        assert.equal(typeof code, 'number', `it had to be killed after ${ms} ms: ${output}`)
        assert.ok(ms < graceMs, `it exited after ${ms} ms: ${output}`)
      }
    })
  }
})

/** Retries as a supervisor does: on a busy machine a start may time out. */
const startAgain = (one: SystemProcess): Promise<void> =>
  until(
    () =>
      one.start().then(
        () => true,
        () => false,
      ),
    120_000,
  )

async function stopped(one: SystemProcess): Promise<{ code: number | string | null; ms: number; output: string }> {
  const startedAt = performance.now()
  const killer = setTimeout(() => void one.end('SIGKILL'), graceMs + 5_000)
  const code = await one.end('SIGTERM')
  clearTimeout(killer)
  return { code, ms: Math.round(performance.now() - startedAt), output: one.output }
}
