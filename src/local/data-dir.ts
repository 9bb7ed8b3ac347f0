import { constants } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/**
 * Makes DATA_DIR where there is none. Only its owner may look into it; as root others may pass through it, since
 * PostgreSQL then runs as a user of its own. A folder that exists keeps its mode.
 * @returns its one absolute path, links resolved: servers that outlived us are recognised by it.
 * @throws ConfigurationError when it cannot be made or written to.
 */
export async function prepareDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    const path = await realpath(dataDir)
    await mkdir(join(path, 'logs'), { recursive: true, mode: 0o700 })
    await access(path, constants.W_OK)
    return path
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(
      `DATA_DIR ${dataDir} cannot be used (${words}). Name another in DATA_DIR, or set DATABASE_URL and TEMPORAL_ADDRESS ` +
        'to use servers of yours.',
      { cause },
    )
  }
}
