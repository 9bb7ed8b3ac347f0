import type { Config } from '../config.ts'
import { readRunning } from '../embedded/running.ts'
import { ConfigurationError } from '../errors.ts'

/** DATABASE_URL, else the embedded database that runs in DATA_DIR. @throws ConfigurationError if there is neither. */
export async function findDatabaseUrl({ databaseUrl, dataDir }: Config): Promise<string> {
  const url = databaseUrl ?? (await readRunning(dataDir))?.databaseUrl
  if (url) return url
  throw new ConfigurationError(
    `No system is running in ${dataDir}: set DATABASE_URL, or start it with npx aftersend up`,
  )
}
