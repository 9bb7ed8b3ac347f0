import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { apiKey, webhookSecret } from '../api/served.ts'
import { SystemProcess } from '../faults/system-process.ts'
import { metricNamesIn, readOpsFile } from '../ops/ops-files.ts'
import { builtProgram, ownPostgres, ownTemporal } from '../stack.ts'
import { type OneAddress, oneAddressFor } from './one-address.ts'

/** There is none until a task fails: test/system-incidents/failing-workflows.test.ts sees that it is named so. */
const failedTasks = 'temporal_workflow_task_execution_failed_total'

interface Role {
  readonly process: SystemProcess
  readonly url: string
  /** What `/metrics` says now. */
  metrics(): Promise<string>
}

describe('two APIs and two workers behind one address', function () {
  this.timeout(400_000)
  const roles: Role[] = []
  let address: OneAddress
  let db: Database
  let client: Client
  let simulated: { status: number; output: string }

  before(async () => {
    const [postgres, temporal] = await Promise.all([ownPostgres(), ownTemporal()])
    const servers = { databaseUrl: postgres.url, temporalAddress: temporal.address }
    await applyMigrations(servers)
    db = createDatabase({ url: postgres.url })
    client = createTemporalClient({ address: temporal.address, namespace: 'default', security: {} })
    for (const role of ['api', 'api', 'worker', 'worker'] as const) {
      const workerPort = await anyFreePort()
      const env = { LOG_LEVEL: 'debug', WORKER_PORT: String(workerPort) }
      const process = await SystemProcess.start({ role, ...servers, client, env })
      const url = role === 'api' ? process.url : `http://127.0.0.1:${workerPort}`
      roles.push({ process, url, metrics: async () => (await fetch(`${url}/metrics`)).text() })
    }
    address = await oneAddressFor(roles.slice(0, 2).map(({ url }) => Number(new URL(url).port)))
    simulated = await simulate(address.url)
  })
  after(async () => {
    await address?.close()
    await Promise.all(roles.map((role) => role.process.end('SIGTERM')))
    await client?.connection.close()
    await db?.$disconnect()
  })

  it('bring every email to the state that it must have', async () => {
    assert.equal(simulated.status, 0, simulated.output)
    assert.match(simulated.output, /100 emails verified, 0 differences/)
  })

  it('all take part', async () => {
    const figureOf = async (role: Role, name: string) =>
      Number(new RegExp(`^${name}(?:{.*})? (\\d+)$`, 'm').exec(await role.metrics())?.[1] ?? 0)
    for (const api of roles.slice(0, 2)) assert.ok((await figureOf(api, 'aftersend_webhook_ack_seconds_count')) > 50)
    for (const worker of roles.slice(2)) {
      const tasks = await figureOf(worker, 'temporal_workflow_task_execution_latency_seconds_count')
      assert.ok(tasks > 20, `${tasks} workflow tasks`)
    }
  })

  it('have every metric that an alert or the dashboard names', async () => {
    const said = (await Promise.all(roles.map((role) => role.metrics()))).join('\n')
    const known = new Set([...said.matchAll(/^([a-z_]+)(?:{| )/gm)].map(([, name]) => name)).add(failedTasks)
    for (const file of ['prometheus/alerts.yml', 'grafana/aftersend.json']) {
      const missing = metricNamesIn(readOpsFile(file)).filter((name) => !known.has(name))
      assert.deepEqual(missing, [], file)
    }
  })

  it('tell no log and no history an address or a subject', async () => {
    const told = await everybodyIn(db)
    assert.ok(told.length > 100, `${told.length} addresses and subjects`)
    const logs = roles.map((role) => role.process.output).join('\n')
    assert.match(logs, /"eventIds":\["/, 'events are named in the log')
    const histories = await historiesOn(client)
    assert.ok(histories.includes('eventsReceived') && histories.includes('saveSnapshot'))
    for (const [what, text] of [
      ['logs', logs],
      ['histories', histories],
    ] as const) {
      const lower = text.toLowerCase()
      assert.deepEqual(
        told.filter((word) => lower.includes(word.toLowerCase())),
        [],
        what,
      )
    }
  })
})

/** The simulator in a process of its own. */
async function simulate(url: string): Promise<{ status: number; output: string }> {
  const { PATH, HOME } = process.env
  const args = ['--url', url, '--secret', webhookSecret, '--emails', '100', '--rate', '40', '--seed', '11']
  const child = spawn(
    process.execPath,
    [await builtProgram('cli/main.ts'), 'simulate', ...args, '--verify', '--no-progress'],
    { env: { PATH, HOME, API_KEYS: apiKey }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const [[status], ...said] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { status, output: said.join('\n') }
}

/** Every address and subject that was used. */
async function everybodyIn(db: Database): Promise<string[]> {
  const [events, emails] = await Promise.all([
    db.event.findMany({ select: { to: true, recipient: true, subject: true } }),
    db.email.findMany({ select: { to: true, subject: true } }),
  ])
  const words = [
    ...events.flatMap(({ to, recipient, subject }) => [...to, recipient, subject]),
    ...emails.flatMap(({ to, subject }) => [...to, subject]),
  ]
  return [...new Set(words.filter((word) => word !== null && word !== ''))] as string[]
}

/** All histories with their payloads decoded, in one text. */
async function historiesOn(client: Client): Promise<string> {
  const texts: string[] = []
  for await (const { workflowId, runId, memo, searchAttributes } of client.workflow.list()) {
    const history = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory())
    texts.push(JSON.stringify({ memo, searchAttributes }), history, decodedPayloadsIn(history))
  }
  return texts.join('\n')
}

const decodedPayloadsIn = (history: string): string =>
  [...history.matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g)]
    .map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'))
    .join('\n')
