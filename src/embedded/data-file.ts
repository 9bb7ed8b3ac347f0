/** Small JSON files in DATA_DIR. Only their owner may read them, and writes are atomic. */
import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { ConfigurationError } from '../errors.ts'

/**
 * Reads a file; null if there is none.
 * @throws ConfigurationError if its content does not match the schema.
 */
export async function readDataFile<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new ConfigurationError(`${path} is damaged. Delete it, then start again.`, { cause })
  }
}

/** Writes a temporary file and renames it: a crash leaves the old content or the new. Mode 0600. */
export async function writeDataFile(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(temporary, path)
}

export const removeDataFile = (path: string): Promise<void> => rm(path, { force: true })
