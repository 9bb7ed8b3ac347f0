import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { receiptPool } from '../../src/db/pools.ts'
import { builtProgram, testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { postWebhook } from './calls.ts'
import { FaultProxy } from './fault-proxy.ts'
import { SystemProcess } from './system-process.ts'

/** A start took 7 seconds on an idle machine; other tests may run at the same time. */
const startsWithinMs = 40_000

describe('faults: an API starts', function () {
  this.timeout(90_000)
  const database = useDatabase()
  let proxy: FaultProxy
  let api: SystemProcess | undefined
  before(async () => {
    // Else the first start, which is timed, would wait for it.
    await builtProgram('main.ts')
    proxy = await FaultProxy.to(Number((await testTemporal()).split(':')[1]))
  })
  afterEach(() => api?.end('SIGKILL'))
  after(() => proxy.close())

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<SystemProcess> => {
    api = await SystemProcess.start({
      role: 'api',
      databaseUrl: database.url,
      temporalAddress: `127.0.0.1:${proxy.port}`,
      env,
    })
    return api
  }

  for (const [what, fault] of [
    ['refuses connections', () => proxy.refuse()],
    ['is a black hole', () => proxy.hold()],
  ] as const) {
    it(`and acknowledges webhooks while Temporal ${what}; it is ready, and reports the outage`, async () => {
      await proxy.restore()
      fault()
      const startedAt = performance.now()
      const { url } = await start()
      const emailId = `em_${randomUUID()}`
      assert.equal(await postWebhook(url, { id: emailId, type: 'email.sent', data: { email_id: emailId } }), 1)
      const tookMs = performance.now() - startedAt
      assert.ok(tookMs < startsWithinMs, `it took ${Math.round(tookMs)} ms`)
      const ready = await fetch(`${url}/readyz`)
      const body = { status: 'ready', postgresql: true, temporal: false, temporalState: 'away' }
      assert.deepEqual([ready.status, await ready.json()], [200, body])
      console.log(`      acknowledged ${Math.round(tookMs)} ms after the start`)
    })
  }

  it('and reports that Temporal refuses it without the namespace, acknowledges webhooks, and quarantines nothing', async () => {
    await proxy.restore()
    const { url } = await start({ TEMPORAL_NAMESPACE: 'nowhere' })
    const emailId = `em_${randomUUID()}`
    await postWebhook(url, { id: emailId, type: 'email.sent', data: { email_id: emailId } })
    const readiness = async () => (await (await fetch(`${url}/readyz`)).json()) as Record<string, unknown>
    await until(async () => (await readiness())['temporalState'] === 'refused')
    const body = { status: 'ready', postgresql: true, temporal: false, temporalState: 'refused' }
    assert.deepEqual(await readiness(), body)
    assert.equal(await database.db.event.count({ where: { quarantinedReason: { not: null } } }), 0)
  })

  it('with its connections open and Prisma loaded before it listens', async () => {
    await proxy.restore()
    await start()
    const connections = async () => {
      const [row] = await database.db.$queryRaw<{ count: number }[]>`
        SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'aftersend receipt'`
      return row?.count ?? 0
    }
    await until(async () => (await connections()) === receiptPool.poolSize, 1_000)
  })
})
