/**
 * `npm run bench:cost`: what one email costs, of CPU time in each process, of transactions and bytes in PostgreSQL, and of
 * history in Temporal; one api and one worker of their own, by a simulation. For docs/scaling.md.
 */
import { once } from 'node:events'
import pg from 'pg'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { machine, revision } from './machine.ts'
import {
  apiKey,
  commandOf,
  cpuMsOf,
  memoryMiBOf,
  parentOf,
  processesWhere,
  startProgram,
  startRole,
  untilApplied,
} from './roles.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { webhookOf, webhookSecret } from './webhook-requests.ts'

const emails = 300
/** As many as fill the worker's cache, with those of the simulation. */
const idleLives = 700

/**
 * What Temporal Cloud counts as an action, by the history's events: docs.temporal.io/cloud/actions. A signal that starts the
 * workflow is one action, so starts are not counted beside their signals.
 */
const actionEvents = new Set([
  'workflowExecutionSignaledEventAttributes',
  'workflowExecutionUpdateAcceptedEventAttributes',
  'timerStartedEventAttributes',
  'activityTaskScheduledEventAttributes',
  'markerRecordedEventAttributes',
  'upsertWorkflowSearchAttributesEventAttributes',
])

async function historiesOn(address: string) {
  const client = createTemporalClient({ address, namespace: 'default', security: {} })
  const found = { runs: 0, events: 0, actions: 0, bytes: 0 }
  for await (const run of client.workflow.list({ query: 'WorkflowType = "emailLifecycle"' })) {
    const handle = client.workflow.getHandle(run.workflowId, run.runId)
    const [{ events }, { historySize }] = await Promise.all([handle.fetchHistory(), handle.describe()])
    found.runs += 1
    found.events += events?.length ?? 0
    found.bytes += historySize ?? 0
    found.actions += (events ?? []).filter((event) =>
      Object.keys(event).some((key) => actionEvents.has(key) && event[key as keyof typeof event]),
    ).length
  }
  await client.connection.close()
  return found
}

const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
const servers = { databaseUrl: postgres.url, temporalAddress: temporal.address }
const [api, worker] = [await startRole('api', servers), await startRole('worker', servers)]
const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
const postmaster = parentOf(rows[0]?.pid ?? 0)
const temporalPort = temporal.address.split(':')[1] ?? ''
const temporalPids = processesWhere(
  (pid) => commandOf(pid).includes('start-dev\0') && commandOf(pid).includes(temporalPort),
)

const figures = async () => {
  const { rows } = await client.query<{ transactions: string; bytes: string }>(
    'SELECT xact_commit AS transactions, pg_database_size(current_database()) AS bytes FROM pg_stat_database WHERE datname = current_database()',
  )
  return {
    apiMs: cpuMsOf([api.pid]),
    workerMs: cpuMsOf([worker.pid]),
    postgresMs: cpuMsOf([postmaster, ...processesWhere((pid) => parentOf(pid) === postmaster)]),
    temporalMs: cpuMsOf(temporalPids),
    transactions: Number(rows[0]?.transactions),
    bytes: Number(rows[0]?.bytes),
  }
}

const before = await figures()
const args = ['--url', api.url, '--secret', webhookSecret, '--emails', String(emails), '--rate', '15', '--seed', '3']
await once(startProgram('src/cli/simulate.ts', [...args, '--no-progress'], { API_KEYS: apiKey }), 'exit')
await untilApplied(api)
const after = await figures()
const { rows: counted } = await client.query<{ count: string }>('SELECT count(*) FROM events')
const events = Number(counted[0]?.count)
const histories = await historiesOn(temporal.address)

const memoryBefore = memoryMiBOf(worker.pid)
for (let life = 0; life < idleLives; life++) {
  const { body, headers } = webhookOf({ id: `idle-${life}`, emailId: `idle-${life}`, type: 'sent' })
  await fetch(`${api.url}/webhooks/aisend`, { method: 'POST', headers, body })
}
await untilApplied(api)
const memoryMiB = (memoryMiBOf(worker.pid) - memoryBefore) * (1_000 / idleLives)

const each = (name: keyof typeof before) => (after[name] - before[name]) / emails
const rowsOf: [string, string][] = [
  ['events received', (events / emails).toFixed(1)],
  ['CPU of api', `${each('apiMs').toFixed(1)} ms`],
  ['CPU of worker', `${each('workerMs').toFixed(1)} ms`],
  ['CPU of PostgreSQL', `${each('postgresMs').toFixed(1)} ms`],
  ['CPU of Temporal’s dev server', `${each('temporalMs').toFixed(1)} ms`],
  ['transactions in PostgreSQL', each('transactions').toFixed(1)],
  ['bytes in PostgreSQL, indexes included', each('bytes').toFixed(0)],
  ['runs of the workflow', (histories.runs / emails).toFixed(2)],
  ['history events', (histories.events / emails).toFixed(1)],
  ['history bytes', (histories.bytes / emails).toFixed(0)],
  ['billable actions', (histories.actions / emails).toFixed(1)],
]
console.log(`\n${machine()}, revision ${revision()}, ${emails} emails\n\n| per email | |\n| --- | --- |`)
for (const [what, figure] of rowsOf) console.log(`| ${what} | ${figure} |`)
console.log(`\nworker: ${memoryBefore.toFixed(0)} MiB, and ${memoryMiB.toFixed(0)} MiB for 1,000 cached lives`)

await client.end()
await api.stop()
await worker.stop()
await temporal.stop()
await postgres.stop()
