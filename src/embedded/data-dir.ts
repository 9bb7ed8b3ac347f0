import { constants } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/**
 * Creates DATA_DIR if there is none. Only its owner may list it. Root's can be passed through by others, since PostgreSQL then runs as
 * a user of its own. A folder that exists keeps its mode.
 * @returns its absolute path, with symbolic links resolved.
 * @throws ConfigurationError when it cannot be created or written to.
 */
export async function prepareDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
    const path = await realpath(dataDir)
    await mkdir(join(path, 'logs'), { recursive: true, mode: 0o700 })
    await access(path, constants.W_OK)
    return path
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(
      `DATA_DIR ${dataDir} cannot be used (${reason}). Set another DATA_DIR, or set DATABASE_URL and TEMPORAL_ADDRESS to use ` +
        'servers of yours.',
      { cause },
    )
  }
}
