/** The secrets of an embedded system: generated once, kept in DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { prepareDataDir } from './data-dir.ts'
import { readDataFile, writeDataFile } from './data-file.ts'

const form = z.object({ webhookSecret: z.string().min(1), apiKey: z.string().min(1) })

export type Credentials = z.infer<typeof form>

const pathIn = (dataDir: string): string => join(dataDir, 'credentials.json')

/** @returns null before the first start. @throws ConfigurationError if the file is damaged. */
export const readCredentials = (dataDir: string): Promise<Credentials | null> => readDataFile(pathIn(dataDir), form)

/** What was generated before, or new secrets: 256 random bits each. */
export async function ensureCredentials(dataDir: string): Promise<Credentials & { isNew: boolean }> {
  const kept = await readCredentials(dataDir)
  if (kept) return { ...kept, isNew: false }
  const fresh = {
    webhookSecret: randomBytes(32).toString('hex'),
    apiKey: `as_${randomBytes(32).toString('base64url')}`,
  }
  await prepareDataDir(dataDir)
  await writeDataFile(pathIn(dataDir), fresh)
  return { ...fresh, isNew: true }
}
