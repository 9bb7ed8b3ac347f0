/** Where the running system is and what opens it: the environment first, then what the system left in DATA_DIR. */
import { type Config, readConfig } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { readCredentials } from '../local/credentials.ts'
import { readRunning } from '../local/running.ts'

export interface Target {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly webhookSecret: string
  readonly apiKey: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * What the command line says wins over the environment, and that over DATA_DIR.
 * @throws ConfigurationError that says what is missing and how to give it.
 */
export const findTarget = async (said: Partial<Target>, env: Environment): Promise<Target> => ({
  apiUrl: await findApiUrl(said.apiUrl, env),
  webhookSecret: await findWebhookSecret(said.webhookSecret, env),
  apiKey: said.apiKey ?? (await apiKeyIn(readConfig(env))),
})

/** Where the API listens, without a slash at its end. @throws ConfigurationError when it is not to be found. */
export const findApiUrl = async (said: string | undefined, env: Environment): Promise<string> =>
  (said ?? (await addressIn(readConfig(env)))).replace(/\/+$/, '')

/** The secret that signs webhooks. @throws ConfigurationError when none is to be found. */
export const findWebhookSecret = async (said: string | undefined, env: Environment): Promise<string> =>
  said ?? (await webhookSecretIn(readConfig(env)))

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

async function webhookSecretIn(config: Config): Promise<string> {
  const secret = config.webhookSecrets.get('aisend')?.[0] ?? (await readCredentials(config.dataDir))?.webhookSecret
  if (secret) return secret
  throw new ConfigurationError(
    `No webhook secret in AISEND_WEBHOOK_SECRET or ${config.dataDir}: npm start makes one, or say --secret`,
  )
}

async function apiKeyIn(config: Config): Promise<string> {
  const key = config.apiKeys[0] ?? (await readCredentials(config.dataDir))?.apiKey
  if (key) return key
  throw new ConfigurationError(`No API key in API_KEYS or ${config.dataDir}: npm start makes one, or say --api-key`)
}
