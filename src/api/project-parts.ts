/** What the routes and pages work with, composed once for each project: no route can reach what it was not given. */
import type { Database } from '../db/database.ts'
import { defaultProject, type Projects, projectNames, projectOf, suppressionListOf } from '../domain/project.ts'
import { Problem } from '../http/problem.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { WebhookSource } from '../providers/provider.ts'
import type { ProviderApi } from '../providers/provider-api.ts'

/** The parts of which each project has its own. */
export interface ProjectParts {
  /** Null: of all projects. */
  readonly project: string | null
  readonly db: Database
  readonly receiptDb: Database
  readonly changes: ChangeFeed
  /** By the path after `/webhooks/`. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** By the provider's name as it is stored. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  /** The project whose suppression list is read and changed. */
  readonly suppressionList: string
}

export interface ProjectAccess extends Projects {
  /** A database that shows the rows of a project only, by row-level security. */
  readonly open: (project: string) => Database
}

/**
 * Parts by the project of a caller; null is a caller for all projects, whose own changes are to the default one.
 * @param whole the parts of the whole system.
 * @throws Problem 403 for a project where there are none.
 */
export function createProjectParts<Parts extends Omit<ProjectParts, 'project' | 'suppressionList'>>(
  whole: Parts,
  access: ProjectAccess | null,
): (project: string | null) => Parts & ProjectParts {
  const ofAll = { ...whole, project: null, suppressionList: defaultProject }
  const known = new Map<string, Parts & ProjectParts>()
  return (project) => {
    // With one project, all is its own: it needs no confined connections.
    if (project === null || (project === defaultProject && !hasSeveral(access))) return ofAll
    if (access === null) throw new Problem(403, 'the key belongs to a project, and this system has none: set PROJECTS')
    const parts = known.get(project) ?? { ...confined(whole, project, access), project }
    known.set(project, parts)
    return parts
  }
}

const hasSeveral = (access: ProjectAccess | null): boolean => access !== null && projectNames(access).length > 1

function confined<Parts extends Omit<ProjectParts, 'project' | 'suppressionList'>>(
  whole: Parts,
  project: string,
  access: ProjectAccess,
) {
  const db = access.open(project)
  return {
    ...whole,
    db,
    receiptDb: db,
    suppressionList: suppressionListOf(access, project),
    webhooks: only(whole.webhooks, ([, source]) => (source.project ?? defaultProject) === project),
    providerApis: only(whole.providerApis, ([provider]) => projectOf(provider) === project),
    changes: {
      ...whole.changes,
      subscribe: (filter, onChange) => whole.changes.subscribe({ ...filter, project }, onChange),
    } satisfies ChangeFeed,
  }
}

const only = <Value>(
  all: ReadonlyMap<string, Value>,
  isOwn: (entry: [string, Value]) => boolean,
): ReadonlyMap<string, Value> => new Map([...all].filter(isOwn))
