/** Every provider that Aftersend knows. A new one is a folder and a line here. */
import { defaultProject, oneProject, type Projects, plainProviderOf, providerIn } from '../domain/project.ts'
import { aisendEntry } from './aisend/entry.ts'
import { kumomtaEntry } from './kumomta/entry.ts'
import { mailServerEntry } from './mail-server/entry.ts'
import { mailgunEntry } from './mailgun/entry.ts'
import { postmarkEntry } from './postmark/entry.ts'
import type { AdapterDependencies, ProviderEntry, WebhookSource } from './provider.ts'
import type { ApiOptions, ProviderApi } from './provider-api.ts'
import { resendEntry } from './resend/entry.ts'
import { sendgridEntry } from './sendgrid/entry.ts'
import { sesEntry } from './ses/entry.ts'
import { standardWebhooksEntry } from './standard-webhooks/entry.ts'

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
]

/** The provider of that name, of whatever project; undefined if there is none. */
export const providerNamed = (name: string): ProviderEntry | undefined =>
  providers.find((provider) => provider.name === plainProviderOf(name))

/** The ID of an email in the webhooks of `provider`, of one that its API or an SDK names otherwise, or a person writes in angle brackets. */
export function emailIdOf(provider: string, named: string): string {
  const idOf = providerNamed(provider)?.emailIdOf
  return idOf?.(named).replace(/^<(.+)>$/, '$1') || named
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
 */
export function createWebhookSources(
  secrets: ReadonlyMap<string, readonly string[]>,
  dependencies: AdapterDependencies,
  { accounts }: Pick<Projects, 'accounts'> = oneProject,
): ReadonlyMap<string, WebhookSource> {
  const sources = providers.flatMap((entry) => {
    const provider = entry.create(dependencies)
    const paths = [...secrets.keys()].filter((path) => path === entry.name || path.startsWith(`${entry.name}/`))
    return paths.map((path): [string, WebhookSource] => [
      path,
      { provider, secrets: secrets.get(path) ?? [], project: accounts.get(path) ?? defaultProject },
    ])
  })
  return new Map(sources)
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
