/** Where the running system is and what opens it: the environment first, then what the system left in DATA_DIR. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Config, readConfig } from '../config.ts'
import { ConfigurationError } from '../errors.ts'

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
export const findTarget = (said: Partial<Target>, env: Environment): Target => ({
  apiUrl: findApiUrl(said.apiUrl, env),
  webhookSecret: findWebhookSecret(said.webhookSecret, env),
  apiKey: said.apiKey ?? apiKeyIn(readConfig(env)),
})

/** Where the API listens, without a slash at its end. @throws ConfigurationError when it is not to be found. */
export const findApiUrl = (said: string | undefined, env: Environment): string =>
  (said ?? addressIn(readConfig(env))).replace(/\/+$/, '')

/** The secret that signs webhooks. @throws ConfigurationError when none is to be found. */
export const findWebhookSecret = (said: string | undefined, env: Environment): string =>
  said ?? webhookSecretIn(readConfig(env))

const running = z.object({ apiUrl: z.url() })
const credentials = z.object({ webhookSecret: z.string().min(1), apiKey: z.string().min(1) })

function addressIn(config: Config): string {
  if (config.port !== null) return `http://${urlHost(config.host)}:${config.port}`
  const url = readLeft(config, 'running.json', running)?.apiUrl
  if (url) return url
  throw new ConfigurationError(`No running system is known in ${config.dataDir}: npm start it, or say --url`)
}

/** An address that is listened on everywhere is called at home. */
const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

function webhookSecretIn(config: Config): string {
  const secret = config.aisend.webhookSecrets[0] ?? readLeft(config, 'credentials.json', credentials)?.webhookSecret
  if (secret) return secret
  throw new ConfigurationError(
    `No webhook secret in AISEND_WEBHOOK_SECRET or ${config.dataDir}: npm start makes one, or say --secret`,
  )
}

function apiKeyIn(config: Config): string {
  const key = config.apiKeys[0] ?? readLeft(config, 'credentials.json', credentials)?.apiKey
  if (key) return key
  throw new ConfigurationError(`No API key in API_KEYS or ${config.dataDir}: npm start makes one, or say --api-key`)
}

function readLeft<T>({ dataDir }: Config, name: string, form: z.ZodType<T>): T | null {
  const path = join(dataDir, name)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw new ConfigurationError(`${path} cannot be read`, { cause })
  }
  try {
    return form.parse(JSON.parse(text))
  } catch (cause) {
    throw new ConfigurationError(`${path} is damaged: delete it and npm start again`, { cause })
  }
}
