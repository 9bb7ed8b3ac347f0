/** The servers that benchmarks run on: as durable as those of `npm start`. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig } from '../src/config.ts'
import { applyMigrations } from '../src/db/migrate.ts'
import { startPostgres } from '../src/local/postgres.ts'
import { startTemporal } from '../src/local/temporal.ts'
import { findTemporalCli } from '../src/local/temporal-cli.ts'
import { searchAttributeNames } from '../src/temporal/search-attributes.ts'

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
  return { port, stop: () => child.disconnect() }
}

export async function benchPostgres() {
  const dataDir = await temporaryFolder()
  const postgres = await startPostgres({ dataDir, say, onTrouble: say })
  await applyMigrations({ databaseUrl: postgres.url })
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export async function benchTemporal() {
  const dataDir = await temporaryFolder()
  const cliPath = await findTemporalCli({ cli: readConfig(process.env).temporal.cli, dataDir, say })
  const names = searchAttributeNames
  const temporal = await startTemporal({
    cliPath,
    dataDir,
    namespace: 'default',
    searchAttributes: names,
    say,
    onTrouble: say,
  })
  return {
    address: temporal.address,
    async stop() {
      await temporal.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
