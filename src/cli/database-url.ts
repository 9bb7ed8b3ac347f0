import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { readRunning } from '../local/running.ts'

/** DATABASE_URL, else the embedded database that runs in DATA_DIR. @throws ConfigurationError when there is neither. */
export async function findDatabaseUrl({ databaseUrl, dataDir }: Config): Promise<string> {
  const url = databaseUrl ?? (await readRunning(dataDir))?.databaseUrl
  if (url) return url
  throw new ConfigurationError(`Set DATABASE_URL, or npm start first: no system runs in ${dataDir}`)
}
