/** The secrets of an embedded system: generated once and stored in DATA_DIR. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { aisend } from '../providers/aisend/webhook.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import { providers } from '../providers/registry.ts'
import { prepareDataDir } from './data-dir.ts'
import { readDataFile, writeDataFile } from './data-file.ts'

const generated = z.object({ accepted: z.string().min(1), signing: z.string().min(1) })

const schema = z.object({
  /** AISend's. */
  webhookSecret: z.string().min(1),
  apiKey: z.string().min(1),
  /** Keys the hashes of erased addresses. Missing in a DATA_DIR that is older than erasure. */
  erasureKey: z.string().min(1).optional(),
  /** The other providers', by name: the secret to verify with, and the one that the simulator signs with. */
  providers: z.record(z.string(), generated).default({}),
})

export type Credentials = z.infer<typeof schema>

const pathIn = (dataDir: string): string => join(dataDir, 'credentials.json')

/** @returns null before the first start. @throws ConfigurationError if the file is damaged. */
export const readCredentials = (dataDir: string): Promise<Credentials | null> => readDataFile(pathIn(dataDir), schema)

/** Returns the stored secrets, and generates those that are missing: 256 random bits each. A new provider gets its own. */
export async function ensureCredentials(
  dataDir: string,
  mapped: readonly ProviderEntry[] = [],
): Promise<Credentials & { isNew: boolean }> {
  const stored = await readCredentials(dataDir)
  const missing = [...others, ...mapped].filter(({ name }) => !stored?.providers[name])
  if (stored?.erasureKey && missing.length === 0) return { ...stored, isNew: false }
  const credentials = {
    webhookSecret: stored?.webhookSecret ?? randomBytes(32).toString('hex'),
    apiKey: stored?.apiKey ?? `as_${randomBytes(32).toString('base64url')}`,
    erasureKey: stored?.erasureKey ?? randomBytes(32).toString('hex'),
    providers: {
      ...stored?.providers,
      ...Object.fromEntries(missing.map(({ name, generateSecret }) => [name, generateSecret()])),
    },
  }
  await prepareDataDir(dataDir)
  await writeDataFile(pathIn(dataDir), credentials)
  return { ...credentials, isNew: stored === null }
}

const others = providers.filter(({ name }) => name !== aisend.name)

/**
 * The secrets that webhooks are verified with: the configured ones, and the generated ones of every other provider.
 * @param configured by the part of the path after `/webhooks/`.
 */
export function webhookSecretsWith(
  configured: ReadonlyMap<string, readonly string[]>,
  credentials: Credentials | null,
): ReadonlyMap<string, readonly string[]> {
  if (!credentials) return configured
  const own = Object.entries(credentials.providers).map(([name, { accepted }]) => [name, [accepted]] as const)
  return new Map([[aisend.name, [credentials.webhookSecret]], ...own, ...configured])
}
