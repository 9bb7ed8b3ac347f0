/**
 * `npm run bench:cost`: what one email costs, of CPU time in each process, of transactions and bytes in PostgreSQL, and of
 * history in Temporal; one api and one worker of their own, by a simulation. For docs/scaling.md.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { anyFreePort } from '../src/local/free-port.ts'
import { createTemporalClient } from '../src/temporal/connection.ts'
import { machine, revision } from './machine.ts'
import { benchPostgres, benchTemporal } from './servers.ts'

const emails = 300
const secret = 'secret-of-the-benchmark'
const apiKey = 'key-of-the-benchmark'
const root = fileURLToPath(new URL('..', import.meta.url))

/** Linux counts processor time in hundredths of a second. */
const tickMs = 10

const ours = (entry: string, args: readonly string[], env: Record<string, string>) =>
  spawn(process.execPath, ['--import', 'tsx', entry, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })

async function startRole(role: 'api' | 'worker', env: Record<string, string>) {
  const port = await anyFreePort()
  const child = ours('src/main.ts', [], { ...env, ROLE: role, [role === 'api' ? 'PORT' : 'WORKER_PORT']: String(port) })
  const url = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 200))
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Processor time of a process, and of its children that have ended; null if it is gone. */
function cpuMsOf(pid: number | string): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * tickMs, 0)
  } catch {
    return null
  }
}

const processesWhere = (holds: (pid: string) => boolean): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && holds(pid)
    } catch {
      return false
    }
  })

const parentOf = (pid: string) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]

const sumOf = (pids: readonly (number | string)[]): number =>
  pids.reduce<number>((sum, pid) => sum + (cpuMsOf(pid) ?? 0), 0)

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
const env = {
  DATABASE_URL: postgres.url,
  TEMPORAL_ADDRESS: temporal.address,
  AISEND_WEBHOOK_SECRET: secret,
  API_KEYS: apiKey,
  ERASURE_KEY: 'erasure-key-of-the-benchmark-00001',
  LOG_LEVEL: 'warn',
}
const [api, worker] = [await startRole('api', env), await startRole('worker', env)]
const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
const postmaster = parentOf(String(rows[0]?.pid)) ?? ''
const temporalPort = temporal.address.split(':')[1] ?? ''
const temporalPids = processesWhere(
  (pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`start-dev\0`) &&
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(temporalPort),
)

const figures = async () => {
  const { rows } = await client.query<{ transactions: string; bytes: string }>(
    'SELECT xact_commit AS transactions, pg_database_size(current_database()) AS bytes FROM pg_stat_database WHERE datname = current_database()',
  )
  return {
    apiMs: sumOf([api.pid]),
    workerMs: sumOf([worker.pid]),
    postgresMs: sumOf([postmaster, ...processesWhere((pid) => parentOf(pid) === postmaster)]),
    temporalMs: sumOf(temporalPids),
    transactions: Number(rows[0]?.transactions),
    bytes: Number(rows[0]?.bytes),
  }
}

const before = await figures()
const args = [
  '--url',
  api.url,
  '--secret',
  secret,
  '--emails',
  String(emails),
  '--rate',
  '15',
  '--seed',
  '3',
  '--no-progress',
]
await once(ours('src/cli/simulate.ts', args, { API_KEYS: apiKey }), 'exit')
for (;;) {
  const text = await (await fetch(`${api.url}/metrics`)).text()
  if (/^aftersend_inbox_pending 0$/m.test(text)) break
}
const after = await figures()
const { rows: counted } = await client.query<{ count: string }>('SELECT count(*) FROM events')
const events = Number(counted[0]?.count)
const histories = await historiesOn(temporal.address)

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

await client.end()
await api.stop()
await worker.stop()
await temporal.stop()
await postgres.stop()
