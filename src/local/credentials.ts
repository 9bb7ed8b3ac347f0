/** The secrets of an embedded system: generated once, kept in DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { aisend } from '../providers/aisend.ts'
import { providers } from '../providers/registry.ts'
import { prepareDataDir } from './data-dir.ts'
import { readDataFile, writeDataFile } from './data-file.ts'

const generated = z.object({ accepted: z.string().min(1), signing: z.string().min(1) })

const form = z.object({
  /** AISend's. */
  webhookSecret: z.string().min(1),
  apiKey: z.string().min(1),
  /** By which the addresses of erased people are kept; a system older than erasure has none yet. */
  erasureKey: z.string().min(1).optional(),
  /** The other providers', by name: what we accept, and what whoever plays the provider signs with. */
  providers: z.record(z.string(), generated).default({}),
})

export type Credentials = z.infer<typeof form>

const pathIn = (dataDir: string): string => join(dataDir, 'credentials.json')

/** @returns null before the first start. @throws ConfigurationError if the file is damaged. */
export const readCredentials = (dataDir: string): Promise<Credentials | null> => readDataFile(pathIn(dataDir), form)

/** What was generated before, or new secrets: 256 random bits each. Providers that are new get theirs now. */
export async function ensureCredentials(dataDir: string): Promise<Credentials & { isNew: boolean }> {
  const kept = await readCredentials(dataDir)
  const missing = others.filter(({ name }) => !kept?.providers[name])
  if (kept?.erasureKey && missing.length === 0) return { ...kept, isNew: false }
  const credentials = {
    webhookSecret: kept?.webhookSecret ?? randomBytes(32).toString('hex'),
    apiKey: kept?.apiKey ?? `as_${randomBytes(32).toString('base64url')}`,
    erasureKey: kept?.erasureKey ?? randomBytes(32).toString('hex'),
    providers: { ...kept?.providers, ...Object.fromEntries(missing.map(({ name, generate }) => [name, generate()])) },
  }
  await prepareDataDir(dataDir)
  await writeDataFile(pathIn(dataDir), credentials)
  return { ...credentials, isNew: kept === null }
}

const others = providers.filter(({ name }) => name !== aisend.name)

/**
 * Who may post webhooks: what is configured, and what was generated for every provider that is not.
 * @param configured by what stands after `/webhooks/`.
 */
export function webhookSecretsWith(
  configured: ReadonlyMap<string, readonly string[]>,
  credentials: Credentials | null,
): ReadonlyMap<string, readonly string[]> {
  if (!credentials) return configured
  const own = Object.entries(credentials.providers).map(([name, { accepted }]) => [name, [accepted]] as const)
  return new Map([[aisend.name, [credentials.webhookSecret]], ...own, ...configured])
}
