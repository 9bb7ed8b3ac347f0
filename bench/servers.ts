/** The servers that benchmarks run on: as durable as those of `npm start`. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
