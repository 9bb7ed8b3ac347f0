/**
 * Projects: each has provider accounts, emails and keys of its own. What belongs to the default project names its provider plainly,
 * `resend`; what belongs to another one has the project before it, `shop:resend`. So all that is stored by provider is apart.
 */

export const defaultProject = 'default'

const separator = ':'

/** The provider's name as it is stored for a project. */
export const providerIn = (project: string, provider: string): string =>
  project === defaultProject ? provider : `${project}${separator}${provider}`

/** The project of a provider's name as it is stored. */
export const projectOf = (provider: string): string =>
  provider.includes(separator) ? provider.slice(0, provider.indexOf(separator)) : defaultProject

/** The provider's own name, as in the registry of providers. */
export const plainProviderOf = (provider: string): string => provider.slice(provider.indexOf(separator) + 1)

/** A project's name as it ends the names of its environment variables. */
export const variablePartOf = (project: string): string => project.toUpperCase().replaceAll('-', '_')

/** Which accounts belong to which project, and which projects use the suppression list of the default project. */
export interface Projects {
  /** By the path after `/webhooks/`, as `resend` or `resend/eu`; an account that is not here belongs to the default project. */
  readonly accounts: ReadonlyMap<string, string>
  readonly sharingSuppressions: ReadonlySet<string>
}

export const oneProject: Projects = { accounts: new Map(), sharingSuppressions: new Set() }

/** All projects, the default one first. */
export const projectNames = ({ accounts }: Pick<Projects, 'accounts'>): string[] => [
  ...new Set([defaultProject, ...accounts.values()]),
]

/** The project whose suppression list holds for a project. */
export const suppressionListOf = (
  { sharingSuppressions }: Pick<Projects, 'sharingSuppressions'>,
  project: string,
): string => (sharingSuppressions.has(project) ? defaultProject : project)
