import assert from 'node:assert/strict'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { metricNamesIn, readOpsFile } from '../ops/ops-files.ts'
import { ownPostgres, ownTemporal } from '../stack.ts'
import { OurProcess, oneAddressFor, type Role, startRole } from './processes.ts'

const secret = 'secret-of-the-topology-test'
const apiKey = 'key-of-the-topology-test'

describe('two APIs and two workers behind one address', function () {
  this.timeout(240_000)
  let roles: Role[]
  let address: Awaited<ReturnType<typeof oneAddressFor>>
  let db: Database
  let temporalAddress: string
  let simulation: OurProcess

  before(async () => {
    const [postgres, temporal] = await Promise.all([ownPostgres(), ownTemporal()])
    temporalAddress = temporal.address
    db = createDatabase({ url: postgres.url })
    const env = {
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
      AISEND_WEBHOOK_SECRET: secret,
      API_KEYS: apiKey,
      ERASURE_KEY: 'erasure-key-of-the-topology-test-0001',
      LOG_LEVEL: 'debug',
    }
    roles = await Promise.all((['api', 'api', 'worker', 'worker'] as const).map((role) => startRole(role, env)))
    address = await oneAddressFor(roles.slice(0, 2).map(({ port }) => port))
    const args = ['--url', address.url, '--secret', secret, '--emails', '100', '--rate', '40', '--seed', '11']
    simulation = new OurProcess('src/cli/simulate.ts', [...args, '--verify', '--no-progress'], {
      API_KEY: apiKey,
      API_KEYS: apiKey,
    })
    await simulation.exit()
  })
  after(async () => {
    await address?.close()
    await Promise.all((roles ?? []).map((role) => role.process.stop()))
    await db?.$disconnect()
  })

  it('bring every email to the state that it must have', async () => {
    assert.equal(await simulation.exit(), 0, simulation.output)
    assert.match(simulation.output, /100 emails verified, 0 differences/)
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
    const known = new Set([...said.matchAll(/^([a-z_]+)(?:{| )/gm)].map(([, name]) => name))
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
    const histories = await historiesOn(temporalAddress)
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
async function historiesOn(temporalAddress: string): Promise<string> {
  const client = createTemporalClient({ address: temporalAddress, namespace: 'default', security: {} })
  const texts: string[] = []
  for await (const { workflowId, runId, memo, searchAttributes } of client.workflow.list()) {
    const history = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory())
    texts.push(JSON.stringify({ memo, searchAttributes }), history, decodedPayloadsIn(history))
  }
  await client.connection.close()
  return texts.join('\n')
}

const decodedPayloadsIn = (history: string): string =>
  [...history.matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g)]
    .map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'))
    .join('\n')
