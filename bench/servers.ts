/**
 * The servers that benchmarks run on: as durable as those of `npm start`. With BENCH_TEMPORAL_PROGRAMS, Temporal is a server
 * on PostgreSQL rather than the dev server: bench/real-temporal.ts.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config.ts'
import { applyMigrations } from '../src/db/migrate.ts'
import { startPostgres } from '../src/embedded/postgres.ts'
import { startTemporal } from '../src/embedded/temporal.ts'
import { findTemporalCli } from '../src/embedded/temporal-cli.ts'
import { searchAttributeNames } from '../src/temporal/search-attributes.ts'
import { startRealTemporal } from './real-temporal.ts'

const say = (line: string): void => console.error(line)

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aftersend-bench-'))
  await chmod(folder, 0o711)
  return folder
}

/** Runs a file of this folder in a process of its own; it tells its port when it listens, and ends when it is let go. */
export async function startProcess(file: string, args: string[]) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--import', 'tsx'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { port, pid: child.pid ?? 0, stop: () => child.disconnect() }
}

export async function benchPostgres() {
  const dataDir = await temporaryFolder()
  const postgres = await startPostgres({ dataDir, report: say })
  await applyMigrations({ databaseUrl: postgres.url })
  return {
    url: postgres.url,
    pid: postgres.pid ?? 0,
    async stop() {
      await postgres.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export interface BenchTemporal {
  readonly address: string
  /** For the head of a table. */
  readonly name: string
  /** Of the server, and of the PostgreSQL that it alone uses. */
  readonly pids: readonly number[]
  /** Since it started; the dev server does not tell. */
  readonly countVisibilityWrites?: () => Promise<number>
  stop(): Promise<void>
}

export async function benchTemporal(): Promise<BenchTemporal> {
  const dataDir = await temporaryFolder()
  const programs = process.env['BENCH_TEMPORAL_PROGRAMS']
  const temporal = programs ? await startRealTemporal({ programs, dataDir, say }) : await startDevServer(dataDir)
  return {
    ...temporal,
    async stop() {
      await temporal.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function startDevServer(dataDir: string): Promise<BenchTemporal> {
  const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, report: say })
  const searchAttributes = searchAttributeNames
  const options = { cliPath, dataDir, namespace: 'default', searchAttributes, report: say }
  const temporal = await startTemporal(options)
  return {
    address: temporal.address,
    name: 'Temporal’s dev server on SQLite',
    pids: [temporal.pid ?? 0],
    stop: () => temporal.stop(),
  }
}
