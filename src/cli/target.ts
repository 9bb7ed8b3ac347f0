/** Finds the address and the keys of the running system: from options, the environment, or DATA_DIR. */
import { dirname, join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { readCredentials } from '../embedded/credentials.ts'
import { readRunning } from '../embedded/running.ts'
import { ConfigurationError } from '../errors.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import { providers } from '../providers/registry.ts'
import type { Target } from '../simulator/options.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Options take precedence over the environment, and that over DATA_DIR.
 * @param provider whose webhooks are to be signed.
 * @throws ConfigurationError that says what is missing and where to set it.
 */
export async function findTarget(
  given: Partial<Target>,
  env: Environment,
  provider: ProviderEntry = defaultProvider,
): Promise<Target> {
  const apiUrl = await findApiUrl(given.apiUrl, env)
  const webhookSecret = await findWebhookSecret(given.webhookSecret, env, provider)
  return { webhookSecret, ...(await findApi({ url: apiUrl, key: given.apiKey }, env)) }
}

const [defaultProvider] = providers as readonly [ProviderEntry]

/** The address and the key of the API. @throws ConfigurationError */
export const findApi = async (
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
  env: Environment,
): Promise<Pick<Target, 'apiUrl' | 'apiKey'>> => ({
  apiUrl: await findApiUrl(given.url, env),
  apiKey: given.key ?? (await apiKeyIn(readConfig(env))),
})

/** The URL of the API, without a slash at its end. @throws ConfigurationError if it is not found. */
export const findApiUrl = async (given: string | undefined, env: Environment): Promise<string> =>
  (given ?? (await addressIn(readConfig(env)))).replace(/\/+$/, '')

/** The secret that signs a provider's webhooks. @throws ConfigurationError if it is not found. */
export const findWebhookSecret = async (
  given: string | undefined,
  env: Environment,
  provider: ProviderEntry = defaultProvider,
): Promise<string> => given ?? (await webhookSecretIn(readConfig(env), provider))

const dataDirName = '.aftersend'

/** Who may write into a folder. */
export interface FolderOwner {
  readonly uid: number
  readonly mode: number
}

/**
 * The environment with DATA_DIR. Default: the nearest `.aftersend` in the working folder or above it, else in Aftersend's own
 * folder. So commands find the running system from any folder.
 * @param ownerOf undefined if there is no such folder.
 * @throws ConfigurationError if others may write into what is found: whoever put it there, as into /tmp, would get the API key.
 */
export function withDataDir(
  env: Environment,
  workingFolder: string,
  ownFolder: string,
  ownerOf: (path: string) => FolderOwner | undefined,
): Environment {
  if (env['DATA_DIR']) return env
  for (const folder of [...foldersUp(workingFolder), ownFolder]) {
    const path = join(folder, dataDirName)
    const owner = ownerOf(path)
    if (!owner) continue
    if (isSafe(owner)) return { ...env, DATA_DIR: path }
    throw new ConfigurationError(
      `${path} belongs to another user, or others may write into it: set DATA_DIR=${path} if you trust it, else another DATA_DIR`,
    )
  }
  return env
}

/** As git's `safe.directory`. Windows has no such owners. */
const isSafe = ({ uid, mode }: FolderOwner): boolean =>
  process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)

function foldersUp(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...foldersUp(above)]
}

async function addressIn(config: Config): Promise<string> {
  if (config.port !== null) return `http://${urlHost(config.host)}:${config.port}`
  const url = (await readRunning(config.dataDir))?.apiUrl
  if (url) return url
  throw new ConfigurationError(
    `No system is running in ${config.dataDir}: start it with npx aftersend up, or set --url`,
  )
}

/** The host to connect to where a server listens on all interfaces. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

async function webhookSecretIn(config: Config, { name, variable }: ProviderEntry): Promise<string> {
  const configured = config.webhookSecrets.get(name)?.[0]
  if (configured) return configured
  const stored = await readCredentials(config.dataDir)
  const secret = name === defaultProvider.name ? stored?.webhookSecret : stored?.providers[name]?.signing
  if (secret) return secret
  throw new ConfigurationError(
    `No webhook secret in ${variable} or ${config.dataDir}: run npx aftersend up to generate one, or set --secret`,
  )
}

async function apiKeyIn(config: Config): Promise<string> {
  const key = config.apiKeys[0] ?? (await readCredentials(config.dataDir))?.apiKey
  if (key) return key
  throw new ConfigurationError(
    `No API key in API_KEYS or ${config.dataDir}: run npx aftersend up to generate one, or set --key`,
  )
}
