/** The accounts with providers: their webhook secrets, from the environment, and what they receive. */
import type { ReceivedEvent } from '../domain/events.ts'
import { defaultProject, providerIn } from '../domain/project.ts'
import { mappedEntry } from './mapped/mapped-entry.ts'
import { readMappings } from './mapped/mappings-file.ts'
import type { ProviderEntry, WebhookSource } from './provider.ts'
import { providers } from './registry.ts'

export interface WebhookSecrets {
  /** By the path after `/webhooks/`: `resend`, or `resend/eu` for a further account. No list is empty. */
  readonly secrets: ReadonlyMap<string, readonly string[]>
  /** The senders of MAPPINGS_FILE. */
  readonly mappedProviders: readonly ProviderEntry[]
  /** One sentence for each invalid variable, without its value. */
  readonly errors: readonly string[]
}

const accountForm = /^[A-Z0-9]+(_[A-Z0-9]+)*$/

/**
 * Reads the secrets of all providers and accounts: `RESEND_WEBHOOK_SECRET` is for `/webhooks/resend`,
 * `RESEND_WEBHOOK_SECRET_EU_WEST` for `/webhooks/resend/eu-west`. A variable may hold several secrets, separated by commas.
 */
export function readWebhookSecrets(env: Readonly<Record<string, string | undefined>>): WebhookSecrets {
  const secrets = new Map<string, readonly string[]>()
  const { mappedProviders, errors } = readMappedProviders(env)
  for (const { name, variable, accepts, requirement } of [...providers, ...mappedProviders]) {
    for (const key of Object.keys(env).filter((one) => one === variable || one.startsWith(`${variable}_`))) {
      const entries = entriesOf(env[key] ?? '')
      if (entries.length === 0) continue
      const account = key.slice(variable.length + 1)
      if (account !== '' && !accountForm.test(account)) {
        errors.push(`${key}: the account name must be letters and digits, with single _ between`)
      } else if (entries.every(accepts)) {
        secrets.set(account === '' ? name : `${name}/${account.toLowerCase().replaceAll('_', '-')}`, entries)
      } else errors.push(`${key} must be ${requirement}`)
    }
  }
  return { secrets, mappedProviders, errors }
}

/** A worker receives no webhooks, and need not have the file. */
export function readMappedProviders(env: Readonly<Record<string, string | undefined>>): {
  readonly mappedProviders: readonly ProviderEntry[]
  readonly errors: string[]
} {
  const path = env['MAPPINGS_FILE']?.trim()
  if (!path || env['ROLE'] === 'worker') return { mappedProviders: [], errors: [] }
  const { mappings, errors } = readMappings(path, providers)
  return { mappedProviders: mappings.map(mappedEntry), errors: errors.map((error) => `MAPPINGS_FILE: ${error}`) }
}

const entriesOf = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)

/** The provider's name under which what a source receives is stored. */
export const storedNameOf = ({
  provider,
  project = defaultProject,
}: Pick<WebhookSource, 'provider' | 'project'>): string => providerIn(project, provider.name)

/** The events that an account has received; null is the first account. */
export const ofAccount = (events: ReceivedEvent[], source: WebhookSource, account: string | null): ReceivedEvent[] =>
  account === null && storedNameOf(source) === source.provider.name
    ? events
    : events.map((event) => ({ ...event, provider: storedNameOf(source), ...(account !== null && { account }) }))
