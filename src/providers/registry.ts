/** Every provider that Aftersend knows. A new one is a folder and a line here. */
import {
  defaultProject,
  oneProject,
  type Projects,
  plainProviderOf,
  projectOf,
  providerIn,
  variablePartOf,
} from '../domain/project.ts'
import { ahasendEntry } from './ahasend/entry.ts'
import { aisendEntry } from './aisend/entry.ts'
import { azureEntry } from './azure/entry.ts'
import { brevoEntry } from './brevo/entry.ts'
import { withoutAngleBrackets } from './custom-fields.ts'
import { kumomtaEntry } from './kumomta/entry.ts'
import { lettermintEntry } from './lettermint/entry.ts'
import { mailEntry } from './mail/entry.ts'
import { mailServerEntry } from './mail-server/entry.ts'
import { mailersendEntry } from './mailersend/entry.ts'
import { mailgunEntry } from './mailgun/entry.ts'
import { mailjetEntry } from './mailjet/entry.ts'
import { mailtrapEntry } from './mailtrap/entry.ts'
import { mandrillEntry } from './mandrill/entry.ts'
import { postalEntry } from './postal/entry.ts'
import { postmarkEntry } from './postmark/entry.ts'
import type { AdapterDependencies, ProviderEntry, WebhookSource } from './provider.ts'
import type { ApiOptions, ProviderApi } from './provider-api.ts'
import { resendEntry } from './resend/entry.ts'
import { scalewayEntry } from './scaleway/entry.ts'
import { sendgridEntry } from './sendgrid/entry.ts'
import { sesEntry } from './ses/entry.ts'
import { sparkpostEntry } from './sparkpost/entry.ts'
import { standardWebhooksEntry } from './standard-webhooks/entry.ts'
import { zeptomailEntry } from './zeptomail/entry.ts'

export const providers: readonly ProviderEntry[] = [
  aisendEntry,
  resendEntry,
  standardWebhooksEntry,
  sendgridEntry,
  postmarkEntry,
  mailgunEntry,
  sesEntry,
  kumomtaEntry,
  mailServerEntry,
  mailEntry,
  brevoEntry,
  mailjetEntry,
  sparkpostEntry,
  mandrillEntry,
  mailersendEntry,
  mailtrapEntry,
  postalEntry,
  ahasendEntry,
  zeptomailEntry,
  lettermintEntry,
  azureEntry,
  scalewayEntry,
]

/** Whether it is that of whole mails, which come only when something has failed. */
export const isBounceMail = (provider: string): boolean => plainProviderOf(provider) === mailEntry.name

/** Those whose requests hold events: all but whole mails. */
export const eventProviders = providers.filter(({ name }) => !isBounceMail(name))

/** The provider of that name, of whatever project; undefined if there is none. */
export const providerNamed = (name: string): ProviderEntry | undefined =>
  providers.find((provider) => provider.name === plainProviderOf(name))

/** The same among the mapped senders too. */
export const entryNamed = (name: string, mapped: readonly ProviderEntry[]): ProviderEntry | undefined =>
  providerNamed(name) ?? mapped.find((entry) => entry.name === plainProviderOf(name))

/** The ID of an email in the webhooks of `provider`, of one that its API or an SDK names otherwise, or a person writes in angle brackets. */
export function emailIdOf(provider: string, named: string): string {
  const idOf = providerNamed(provider)?.emailIdOf
  return (idOf && withoutAngleBrackets(idOf(named))) || named
}

/** The IDs under which an email may be stored that somebody names so: as it is named, and as in the webhooks of its provider. */
export const emailIdsOf = (named: string, provider: string | undefined): string[] => {
  const names = provider === undefined ? providers.map((entry) => entry.name) : [provider]
  return [...new Set([named, ...names.map((name) => emailIdOf(name, named))])]
}

/** Whether the ID is a Message-ID of an email that came over SMTP, which the provider's webhooks name otherwise. */
export const isForeignMessageId = (provider: string, id: string): boolean =>
  providerNamed(provider)?.replacesMessageIds === true && id.includes('@')

/**
 * The sources that have secrets, by the path after `/webhooks/`: `resend`, or `resend/eu` for the account of that name.
 * @param secrets by the same paths.
 * @param mapped the senders that are not in the registry.
 */
export function createWebhookSources(
  secrets: ReadonlyMap<string, readonly string[]>,
  dependencies: AdapterDependencies,
  { accounts }: Pick<Projects, 'accounts'> = oneProject,
  mapped: readonly ProviderEntry[] = [],
): ReadonlyMap<string, WebhookSource> {
  const sources = [...providers, ...mapped].flatMap((entry) => {
    const provider = entry.create(dependencies)
    const paths = [...secrets.keys()].filter((path) => path === entry.name || path.startsWith(`${entry.name}/`))
    return paths.map((path): [string, WebhookSource] => [
      path,
      { provider, entry, secrets: secrets.get(path) ?? [], project: accounts.get(path) ?? defaultProject },
    ])
  })
  return new Map(sources)
}

/** The environment variable of a provider's API key, by its name as it is stored; null if Aftersend knows no API to ask. */
export function apiKeyVariableOf(provider: string): string | null {
  const entry = providerNamed(provider)
  if (!entry?.createApi) return null
  const project = projectOf(provider)
  return `${entry.name.toUpperCase()}_API_KEY${project === defaultProject ? '' : `_${variablePartOf(project)}`}`
}

export type ProviderApiSettings = Omit<ApiOptions, 'apiKey'> & {
  /** Null where none is configured: the provider is not asked about stalls and not sent through. */
  readonly apiKey: string | null
}

/** The APIs of a project that have a key, by the provider's name. The first one sends where a request names no provider. */
export function createProviderApis(
  settings: Readonly<Record<string, ProviderApiSettings>>,
  project = defaultProject,
): ReadonlyMap<string, ProviderApi> {
  const apis = new Map<string, ProviderApi>()
  for (const { name, createApi } of providers) {
    const options = settings[name]
    if (!createApi || !options || options.apiKey === null) continue
    apis.set(providerIn(project, name), createApi({ ...options, apiKey: options.apiKey }))
  }
  return apis
}

/** Those of all projects. */
export const createAllProviderApis = ({
  providerApis,
  projects,
}: {
  readonly providerApis: Readonly<Record<string, ProviderApiSettings>>
  readonly projects: {
    readonly settings: ReadonlyMap<string, { readonly providerApis: Readonly<Record<string, ProviderApiSettings>> }>
  }
}): ReadonlyMap<string, ProviderApi> =>
  new Map([
    ...createProviderApis(providerApis),
    ...[...projects.settings].flatMap(([project, settings]) => [...createProviderApis(settings.providerApis, project)]),
  ])
