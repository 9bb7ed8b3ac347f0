import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listenOnNextFree } from '../../src/api/listening.ts'
import type { HttpServer } from '../../src/api/server.ts'
import { createWorkerServer } from '../../src/api/worker-server.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { absentDatabase, LivesInMemory, quietMetrics } from './served.ts'

const metricsKey = 'key-of-the-scraper-01'

describe('a worker’s own server', () => {
  let database: TestDatabase
  let server: HttpServer
  let url: string
  const lives = new LivesInMemory()
  let isWorking = true
  before(async () => {
    database = await testDatabase()
    const { db } = database
    const metrics = quietMetrics()
    server = createWorkerServer({
      db,
      lives,
      isWorking: () => isWorking,
      metrics,
      metricsKeys: [metricsKey],
      log: quietLog,
    })
    url = `http://127.0.0.1:${(await server.listen({ port: 0, host: '127.0.0.1' })).port}`
  })
  after(async () => {
    await server.close({ graceMs: 0 })
    await database.drop()
  })

  const readiness = async () => {
    const response = await fetch(`${url}/readyz`)
    return { status: response.status, body: await response.json() }
  }

  it('is ready while PostgreSQL and Temporal answer and the worker polls', async () => {
    const body = { status: 'ready', postgresql: true, temporal: true, worker: true }
    assert.deepEqual(await readiness(), { status: 200, body })
  })

  it('is not ready without any one of them, says which, and lives on', async () => {
    isWorking = false
    const idle = { status: 'not ready', postgresql: true, temporal: true, worker: false }
    assert.deepEqual(await readiness(), { status: 503, body: idle })
    isWorking = true
    lives.reachable = false
    const cutOff = { status: 'not ready', postgresql: true, temporal: false, worker: true }
    assert.deepEqual(await readiness(), { status: 503, body: cutOff })
    lives.reachable = true
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
  })

  it('gives its figures to this machine, and to a key of the scraper’s through a proxy', async () => {
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

  it('is not ready when PostgreSQL is away', async () => {
    const db = absentDatabase()
    const away = createWorkerServer({
      db,
      lives,
      isWorking: () => true,
      metrics: quietMetrics(),
      metricsKeys: [],
      log: quietLog,
    })
    const { port } = await away.listen({ port: 0, host: '127.0.0.1' })
    assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 503)
    await away.close({ graceMs: 0 })
    await db.$disconnect()
  })

  it('passes over a port that is taken, also by one that starts at the same moment', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const preferred = (taken.address() as AddressInfo).port
    const servers = [1, 2].map(() =>
      createWorkerServer({
        db: database.db,
        lives,
        isWorking: () => true,
        metrics: quietMetrics(),
        metricsKeys: [],
        log: quietLog,
      }),
    )
    const ports = await Promise.all(servers.map((it) => listenOnNextFree(it, { preferred, host: '127.0.0.1' })))
    assert.equal(new Set([preferred, ...ports.map(({ port }) => port)]).size, 3)
    await Promise.all(servers.map((it) => it.close({ graceMs: 0 })))
    taken.close()
  })
})
