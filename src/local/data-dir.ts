import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Makes DATA_DIR where there is none. Only its owner may look into it; as root others may pass through it, since
 * PostgreSQL then runs as a user of its own. A folder that exists keeps its mode.
 * @returns its one absolute path, links resolved: servers that outlived us are recognised by it.
 */
export async function prepareDataDir(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
  const path = await realpath(dataDir)
  await mkdir(join(path, 'logs'), { recursive: true, mode: 0o700 })
  return path
}
