/**
 * `npm run bench:simulated`: 1,200 simulated emails through one api and one worker, as processes of their own: first as they
 * come, verified one by one, then as a backlog that an outage of Temporal left. For a server on PostgreSQL, as people run it,
 * set BENCH_TEMPORAL_PROGRAMS: bench/README.md.
 * `npm run bench:simulated -- 300` takes another number of emails, `-- 300 backlog` measures the backlog alone.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { anyFreePort } from '../src/embedded/free-port.ts'
import { machine, revision } from './machine.ts'
import { apiKey, cpuMsOfServer, type Role, type RoleServers, startProgram, startRole, untilApplied } from './roles.ts'
import { benchPostgres, benchTemporal } from './servers.ts'
import { webhookSecret } from './webhook-requests.ts'

const emails = Number(process.argv[2] ?? 1_200)
const part = process.argv[3]
const perSecond = 15
/** The backlog is taken as fast as a provider sends on after an outage. */
const backlogPerSecond = 100

/** @returns whether all that it verified was as it must be. */
async function simulate(url: string, run: string, rate: number, more: readonly string[] = []): Promise<boolean> {
  const args = ['--url', url, '--secret', webhookSecret, '--emails', String(emails), '--rate', String(rate)]
  const child = startProgram('src/cli/main.ts', ['simulate', ...args, '--run', run, '--no-progress', ...more], {
    API_KEYS: apiKey,
  })
  const [code] = await once(child, 'exit')
  return code === 0
}

interface Pids {
  readonly postgres: number
  readonly temporal: readonly number[]
}

const cpuMs = (pids: Pids, api: Role, worker: Role) => ({
  api: cpuMsOfServer(api.pid),
  worker: cpuMsOfServer(worker.pid),
  PostgreSQL: cpuMsOfServer(pids.postgres),
  Temporal: pids.temporal.reduce((sum, pid) => sum + cpuMsOfServer(pid), 0),
})
type Cpu = ReturnType<typeof cpuMs>

/** Milliseconds an email, as one line. */
const perEmail = (before: Cpu, after: Cpu): string =>
  Object.entries(after)
    .map(([name, ms]) => `${name} ${((ms - before[name as keyof Cpu]) / emails).toFixed(1)} ms`)
    .join(', ')

/** As they come: CPU of each process, and whether every email is as it must be. */
async function spaced(servers: RoleServers, pids: Pids): Promise<{ isAsItMustBe: boolean; cpu: string }> {
  const [api, worker] = [await startRole('api', servers), await startRole('worker', servers)]
  const before = cpuMs(pids, api, worker)
  const isAsItMustBe = await simulate(api.url, 'spaced', perSecond, ['--verify'])
  const after = cpuMs(pids, api, worker)
  await worker.stop()
  await api.stop()
  return { isAsItMustBe, cpu: perEmail(before, after) }
}

/** What an api took while Temporal was away, applied from the moment that both roles have it again. */
async function backlog(servers: RoleServers, pids: Pids, client: pg.Client) {
  const nobody = `127.0.0.1:${await anyFreePort()}`
  const lone = await startRole('api', { ...servers, temporalAddress: nobody }, { readyPath: '/healthz' })
  await simulate(lone.url, 'backlog', backlogPerSecond)
  await lone.stop()
  const pending = async () => {
    const { rows } = await client.query<{ pending: number }>(
      'SELECT count(*)::int AS pending FROM events WHERE applied_at IS NULL AND quarantined_reason IS NULL',
    )
    return rows[0]?.pending ?? Number.NaN
  }
  const events = await pending()
  const { rows: clock } = await client.query<{ now: Date }>('SELECT now()')
  const worker = await startRole('worker', servers)
  const api = await startRole('api', servers)
  const before = cpuMs(pids, api, worker)
  while ((await pending()) > 0) await sleep(200)
  await untilApplied(api)
  const cpu = perEmail(before, cpuMs(pids, api, worker))
  const { rows } = await client.query<{ seconds: number }>(
    `SELECT extract(epoch FROM max(applied_at) - min(applied_at))::float8 AS seconds FROM events
     WHERE applied_at > $1::timestamptz`,
    [clock[0]?.now],
  )
  await worker.stop()
  await api.stop()
  return { events, perSecond: events / (rows[0]?.seconds ?? Number.NaN), cpu }
}

const [postgres, temporal] = [await benchPostgres(), await benchTemporal()]
const client = new pg.Client({ connectionString: postgres.url })
await client.connect()
const servers: RoleServers = { databaseUrl: postgres.url, temporalAddress: temporal.address }
const pids: Pids = { postgres: postgres.pid, temporal: temporal.pids }
const asTheyCome = part === 'backlog' ? null : await spaced(servers, pids)
const left = await backlog(servers, pids, client)

console.log(`\n${machine()}, revision ${revision()}; ${emails} simulated emails on ${temporal.name}\n`)
if (asTheyCome) {
  console.log(`CPU an email, ${perSecond} emails a second: ${asTheyCome.cpu}`)
  console.log(`every email as it must be: ${asTheyCome.isAsItMustBe ? 'yes' : 'NO'}`)
}
console.log(`a backlog of ${left.events} events: ${Math.round(left.perSecond)} applied a second`)
console.log(`CPU an email of the backlog: ${left.cpu}`)
await client.end()
await temporal.stop()
await postgres.stop()
process.exit(asTheyCome?.isAsItMustBe === false ? 1 : 0)
