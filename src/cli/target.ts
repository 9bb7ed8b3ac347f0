/** Where the running system is and what opens it: the environment first, then what the system left in DATA_DIR. */
import { dirname, join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { readCredentials } from '../local/credentials.ts'
import { readRunning } from '../local/running.ts'
import { type ProviderEntry, providers } from '../providers/registry.ts'

export interface Target {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly webhookSecret: string
  readonly apiKey: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * What the command line says wins over the environment, and that over DATA_DIR.
 * @param provider whose webhooks are to be signed.
 * @throws ConfigurationError that says what is missing and how to give it.
 */
export async function findTarget(
  said: Partial<Target>,
  env: Environment,
  provider: ProviderEntry = defaultProvider,
): Promise<Target> {
  const apiUrl = await findApiUrl(said.apiUrl, env)
  const webhookSecret = await findWebhookSecret(said.webhookSecret, env, provider)
  return { webhookSecret, ...(await findApi({ url: apiUrl, key: said.apiKey }, env)) }
}

const [defaultProvider] = providers as readonly [ProviderEntry]

/** Where the API is and what opens it: enough for whoever only asks. @throws ConfigurationError */
export const findApi = async (
  said: { readonly url?: string | undefined; readonly key?: string | undefined },
  env: Environment,
): Promise<Pick<Target, 'apiUrl' | 'apiKey'>> => ({
  apiUrl: await findApiUrl(said.url, env),
  apiKey: said.key ?? (await apiKeyIn(readConfig(env))),
})

/** Where the API listens, without a slash at its end. @throws ConfigurationError when it is not to be found. */
export const findApiUrl = async (said: string | undefined, env: Environment): Promise<string> =>
  (said ?? (await addressIn(readConfig(env)))).replace(/\/+$/, '')

/** What signs a provider's webhooks. @throws ConfigurationError when none is to be found. */
export const findWebhookSecret = async (
  said: string | undefined,
  env: Environment,
  provider: ProviderEntry = defaultProvider,
): Promise<string> => said ?? (await webhookSecretIn(readConfig(env), provider))

const dataDirName = '.aftersend'

/**
 * The environment with DATA_DIR in it: where it names none, the nearest `.aftersend` of the working folder and those above
 * it, else that of Aftersend's own folder. So commands find the running system from wherever they are called.
 */
export function withDataDir(
  env: Environment,
  workingFolder: string,
  ownFolder: string,
  exists: (path: string) => boolean,
): Environment {
  if (env['DATA_DIR']) return env
  const found = [...foldersUp(workingFolder), ownFolder].map((folder) => join(folder, dataDirName)).find(exists)
  return found === undefined ? env : { ...env, DATA_DIR: found }
}

function foldersUp(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...foldersUp(above)]
}

async function addressIn(config: Config): Promise<string> {
  if (config.port !== null) return `http://${urlHost(config.host)}:${config.port}`
  const url = (await readRunning(config.dataDir))?.apiUrl
  if (url) return url
  throw new ConfigurationError(`No running system is known in ${config.dataDir}: npm start it, or say --url`)
}

/** An address that is listened on everywhere is called at home. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

async function webhookSecretIn(config: Config, { name, variable }: ProviderEntry): Promise<string> {
  const configured = config.webhookSecrets.get(name)?.[0]
  if (configured) return configured
  const kept = await readCredentials(config.dataDir)
  const secret = name === defaultProvider.name ? kept?.webhookSecret : kept?.providers[name]?.signing
  if (secret) return secret
  throw new ConfigurationError(
    `No webhook secret in ${variable} or ${config.dataDir}: npm start makes one, or say --secret`,
  )
}

async function apiKeyIn(config: Config): Promise<string> {
  const key = config.apiKeys[0] ?? (await readCredentials(config.dataDir))?.apiKey
  if (key) return key
  throw new ConfigurationError(`No API key in API_KEYS or ${config.dataDir}: npm start makes one, or say --key`)
}
