import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWorkerServer } from '../../src/api/worker-server.ts'
import type { HttpServer } from '../../src/http/server.ts'
import { listenOnNextFree } from '../../src/listening.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { absentDatabase, EmailWorkflowsInMemory, quietMetrics } from './served.ts'

const metricsKey = 'key-of-the-scraper-01'

describe('a worker’s own server', () => {
  const database = useDatabase()
  let server: HttpServer
  let url: string
  const emailWorkflows = new EmailWorkflowsInMemory()
  let isWorking = true
  beforeEach(async () => {
    const { db } = database
    const metrics = quietMetrics()
    server = createWorkerServer({
      db,
      emailWorkflows,
      isWorking: () => isWorking,
      metrics,
      metricsKeys: [metricsKey],
      log: quietLog,
    })
    url = `http://127.0.0.1:${(await server.listen({ port: 0, host: '127.0.0.1' })).port}`
  })
  afterEach(() => server.close({ graceMs: 0 }))

  const readiness = async () => {
    const response = await fetch(`${url}/readyz`)
    return { status: response.status, body: await response.json() }
  }

  it('is ready while it polls', async () => {
    const body = { status: 'ready', postgresql: true, temporal: true, worker: true }
    assert.deepEqual(await readiness(), { status: 200, body })
  })

  it('is not ready when the worker stopped, and reports it', async () => {
    isWorking = false
    const idle = { status: 'not ready', postgresql: true, temporal: true, worker: false }
    assert.deepEqual(await readiness(), { status: 503, body: idle })
    isWorking = true
  })

  it('is not ready when Temporal does not answer, and alive all the same', async () => {
    emailWorkflows.reachable = false
    const cutOff = { status: 'not ready', postgresql: true, temporal: false, worker: true }
    assert.deepEqual(await readiness(), { status: 503, body: cutOff })
    emailWorkflows.reachable = true
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
  })

  it('serves metrics to this machine, and with the scraper’s key through a proxy', async () => {
    const figures = await (await fetch(`${url}/metrics`)).text()
    assert.match(figures, /^aftersend_inbox_pending 3$/m)
    const forwarded = { 'x-forwarded-for': '192.0.2.1' }
    assert.equal((await fetch(`${url}/metrics`, { headers: forwarded })).status, 401)
    const headers = { ...forwarded, authorization: `Bearer ${metricsKey}` }
    assert.equal((await fetch(`${url}/metrics`, { headers })).status, 200)
  })

  it('serves nothing else', async () => {
    for (const path of ['/', '/v1/emails', '/webhooks/aisend'])
      assert.equal((await fetch(url + path)).status, 404, path)
  })

  it('is ready when PostgreSQL does not answer, which activities wait for, and reports it', async () => {
    const db = absentDatabase()
    const other = createWorkerServer({
      db,
      emailWorkflows,
      isWorking: () => true,
      metrics: quietMetrics(),
      metricsKeys: [],
      log: quietLog,
    })
    const { port } = await other.listen({ port: 0, host: '127.0.0.1' })
    const response = await fetch(`http://127.0.0.1:${port}/readyz`)
    const body = { status: 'ready', postgresql: false, temporal: true, worker: true }
    assert.deepEqual([response.status, await response.json()], [200, body])
    await other.close({ graceMs: 0 })
    await db.$disconnect()
  })

  it('skips a port in use, also with another server that starts at the same moment', async () => {
    const occupied = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => occupied.once('listening', resolve))
    const preferred = (occupied.address() as AddressInfo).port
    const servers = [1, 2].map(() =>
      createWorkerServer({
        db: database.db,
        emailWorkflows,
        isWorking: () => true,
        metrics: quietMetrics(),
        metricsKeys: [],
        log: quietLog,
      }),
    )
    const ports = await Promise.all(servers.map((it) => listenOnNextFree(it, { preferred, host: '127.0.0.1' })))
    assert.equal(new Set([preferred, ...ports.map(({ port }) => port)]).size, 3)
    await Promise.all(servers.map((it) => it.close({ graceMs: 0 })))
    occupied.close()
  })
})
