/** Small JSON files in DATA_DIR: readable by their owner alone, never half written. */
import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { ConfigurationError } from '../errors.ts'

/**
 * What a file holds; null if there is none.
 * @throws ConfigurationError if it holds something else.
 */
export async function readDataFile<T>(path: string, form: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  try {
    return form.parse(JSON.parse(text))
  } catch (cause) {
    throw new ConfigurationError(`${path} is damaged: delete it and start again`, { cause })
  }
}

/** Writes beside it and renames, so that a crash leaves the old file or the new one. Mode 0600. */
export async function writeDataFile(path: string, value: unknown): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(beside, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(beside, path)
}

export const removeDataFile = (path: string): Promise<void> => rm(path, { force: true })
