/**
 * `npm run bench:cost`: what one email costs, with one api and one worker of their own. For docs/scaling.md.
 * Simulation: CPU time in each process, transactions and bytes in PostgreSQL, history in Temporal, and how many workflows are open
 * 100 seconds later.
 * Opened emails: CPU time and Temporal's actions of emails at the spacing of life, with every replay that life has.
 * `npm run bench:cost -- simulation` and `-- opened` measure one of them.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { machine, revision, verdict } from './machine.ts'
import { idPrefix, measureOpenedEmails } from './opened-emails.ts'
import {
  apiKey,
  cpuMsOf,
  cpuMsOfServer,
  memoryMiBOf,
  type RoleServers,
  startProgram,
  startRole,
  untilApplied,
} from './roles.ts'
import { type BenchTemporal, benchPostgres, benchTemporal } from './servers.ts'
import { webhookOf, webhookSecret } from './webhook-requests.ts'
import { countOpenWorkflows, readWorkflowCosts } from './workflow-costs.ts'

const emails = 300
/** As many as fill the worker's cache, with those of the simulation. */
const idleWorkflows = 700
const openAfterMs = 100_000
const openedEmails = { emails: 300, perSecond: 15 }
const goals = { actions: 6, workerMs: 30 }

type Row = readonly [string, string]

type Servers = RoleServers & { readonly postgresPid: number; readonly temporal: BenchTemporal }

async function measureSimulation(servers: Servers, client: pg.Client): Promise<Row[]> {
  const [api, worker] = [await startRole('api', servers), await startRole('worker', servers)]
  const figures = async () => {
    const { rows } = await client.query<{ transactions: string; bytes: string }>(
      'SELECT xact_commit AS transactions, pg_database_size(current_database()) AS bytes FROM pg_stat_database WHERE datname = current_database()',
    )
    return {
      apiMs: cpuMsOf([api.pid]),
      workerMs: cpuMsOf([worker.pid]),
      postgresMs: cpuMsOfServer(servers.postgresPid),
      temporalMs: servers.temporal.pids.reduce((sum, pid) => sum + cpuMsOfServer(pid), 0),
      transactions: Number(rows[0]?.transactions),
      bytes: Number(rows[0]?.bytes),
    }
  }
  const before = await figures()
  const args = ['--url', api.url, '--secret', webhookSecret, '--emails', String(emails), '--rate', '15', '--seed', '3']
  await once(startProgram('src/cli/main.ts', ['simulate', ...args, '--no-progress'], { API_KEYS: apiKey }), 'exit')
  const endedAt = performance.now()
  await untilApplied(api)
  const after = await figures()
  const workflows = await readWorkflowCosts(servers.temporalAddress)
  await sleep(Math.max(0, endedAt + openAfterMs - performance.now()))
  const open = await countOpenWorkflows(servers.temporalAddress)
  const { rows } = await client.query<{ events: number; unsettled: number }>(
    `SELECT (SELECT count(*)::int FROM events) AS events,
            (SELECT count(*)::int FROM emails WHERE settled_received_at IS NULL OR EXISTS (
               SELECT FROM escalations WHERE escalations.email_id = emails.id AND state <> 'resolved')) AS unsettled`,
  )
  const memoryMiB = await measureMemory(api.url, worker.pid, () => untilApplied(api))
  await worker.stop()
  await api.stop()
  const each = (name: keyof typeof before) => (after[name] - before[name]) / emails
  const { events = Number.NaN, unsettled = Number.NaN } = rows[0] ?? {}
  return [
    ['events received', (events / emails).toFixed(1)],
    ['CPU of api', `${each('apiMs').toFixed(1)} ms`],
    ['CPU of worker', `${each('workerMs').toFixed(1)} ms`],
    ['CPU of PostgreSQL', `${each('postgresMs').toFixed(1)} ms`],
    ['CPU of Temporal', `${each('temporalMs').toFixed(1)} ms`],
    ['transactions in PostgreSQL', each('transactions').toFixed(1)],
    ['bytes in PostgreSQL, indexes included', each('bytes').toFixed(0)],
    ['runs of the workflow', (workflows.runs / emails).toFixed(2)],
    ['history events', (workflows.historyEvents / emails).toFixed(1)],
    ['history bytes', (workflows.historyBytes / emails).toFixed(0)],
    ['billable actions', (workflows.actions / emails).toFixed(1)],
    [`open workflows ${openAfterMs / 1_000} s after, of all ${emails}`, `${open}; unsettled or escalated ${unsettled}`],
    ['1,000 cached workflows', `${memoryMiB.toFixed(0)} MiB`],
  ]
}

async function measureMemory(apiUrl: string, workerPid: number, applied: () => Promise<void>): Promise<number> {
  const before = memoryMiBOf(workerPid)
  for (let nth = 0; nth < idleWorkflows; nth++) {
    const { body, headers } = webhookOf({ id: `idle-${nth}`, emailId: `idle-${nth}`, type: 'sent' })
    await fetch(`${apiUrl}/webhooks/aisend`, { method: 'POST', headers, body })
  }
  await applied()
  return (memoryMiBOf(workerPid) - before) * (1_000 / idleWorkflows)
}

async function measureOpened(servers: Servers): Promise<Row[]> {
  const { emails, perSecond } = openedEmails
  const { temporal } = servers
  const writesBefore = await temporal.countVisibilityWrites?.()
  const cost = await measureOpenedEmails(servers, emails, perSecond)
  const writes = ((await temporal.countVisibilityWrites?.()) ?? Number.NaN) - (writesBefore ?? Number.NaN)
  const workflows = await readWorkflowCosts(servers.temporalAddress, idPrefix)
  const actions = workflows.actions / emails
  return [
    [
      `CPU of worker, cold cache (goal ${goals.workerMs} ms: ${verdict(cost.workerMs <= goals.workerMs)})`,
      `${cost.workerMs.toFixed(1)} ms`,
    ],
    [
      'of it: delivery; until the first open, and that; the second; until completion',
      cost.eachWorkerMs.map((spent) => spent.toFixed(1)).join('; '),
    ],
    ['CPU of an idle worker, not in it', `${cost.idleWorkerMsPerSecond.toFixed(0)} ms a second`],
    ['CPU of api, idle time included', `${cost.apiMs.toFixed(1)} ms`],
    [`billable actions (goal ${goals.actions}: ${verdict(actions <= goals.actions)})`, actions.toFixed(1)],
    ['history events', (workflows.historyEvents / emails).toFixed(1)],
    ['history bytes', (workflows.historyBytes / emails).toFixed(0)],
    ['runs of the workflow', (workflows.runs / emails).toFixed(2)],
    ['open at the end', String(cost.openAtEnd)],
    ['rows written in the visibility store', Number.isNaN(writes) ? 'not counted' : (writes / emails).toFixed(2)],
  ]
}

const parts = process.argv.length > 2 ? process.argv.slice(2) : ['simulation', 'opened']
for (const part of parts) {
  const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  const servers: Servers = {
    databaseUrl: postgres.url,
    temporalAddress: temporal.address,
    postgresPid: postgres.pid,
    temporal,
  }
  const rows = part === 'opened' ? await measureOpened(servers) : await measureSimulation(servers, client)
  const what =
    part === 'opened'
      ? `${openedEmails.emails} emails delivered and opened twice`
      : `${emails} emails of a simulation, 15 a second`
  console.log(`\n${machine()}, revision ${revision()}; ${what}, on ${temporal.name}\n\n| per email | |\n| --- | --- |`)
  for (const [name, figure] of rows) console.log(`| ${name} | ${figure} |`)
  await client.end()
  await temporal.stop()
  await postgres.stop()
}
