/** What the API and the dashboard do with endpoints. */
import type { Database } from '../db/database.ts'
import { addTestDelivery } from '../db/deliveries.ts'
import { createEndpoint, readEndpoint, resumeEndpoint, rotateEndpointSecret } from '../db/endpoints.ts'
import { type EndpointWithBacklog, withBacklogs } from '../db/endpoints-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { type AddressGuard, EndpointRefusedError } from '../endpoints/address-guard.ts'
import { createEndpointSecret } from '../endpoints/signed-request.ts'
import { TemporalUnavailableError } from '../errors.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import type { EndpointWorkflows } from '../temporal/endpoints.ts'
import type { NewEndpoint } from './endpoint-view.ts'
import { type KeyProjects, projectOfKey } from './keys.ts'

export interface EndpointDependencies extends KeyProjects {
  readonly db: Database
  readonly endpointWorkflows: Pick<EndpointWorkflows, 'changed'>
  readonly endpointGuard: Pick<AddressGuard, 'checkedUrl'>
  /** The senders of MAPPINGS_FILE. */
  readonly mappedProviders: readonly ProviderEntry[]
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** @throws Problem 400 for a URL or a project that is not allowed. */
export async function addEndpoint(
  dependencies: EndpointDependencies,
  { project, ...settings }: NewEndpoint,
  by: string,
): Promise<{ row: EndpointWithBacklog; secret: string }> {
  if (settings.url !== null) refuseUrl(dependencies, settings.url)
  const secret = createEndpointSecret()
  const created = { ...settings, project: projectOfKey(dependencies, project), secret, by }
  const row = await inTime(() => createEndpoint(dependencies.db, created))
  if (row.url !== null) await announceChange(dependencies, row.id)
  return { row: { ...row, pending: 0 }, secret }
}

function refuseUrl({ endpointGuard }: EndpointDependencies, url: string): void {
  try {
    endpointGuard.checkedUrl(url)
  } catch (error) {
    if (!(error instanceof EndpointRefusedError)) throw error
    throw validationProblem([{ path: 'url', message: `is not allowed: ${error.message}` }])
  }
}

/** @throws Problem 400 for a URL that is not allowed, 409 for an endpoint that has none, 404. */
export async function requireUrl(dependencies: EndpointDependencies, id: string, url: string): Promise<void> {
  refuseUrl(dependencies, url)
  const { url: present } = existing(await inTime(() => readEndpoint(dependencies.db, id)))
  if (present === null) throw new Problem(409, 'the webhooks of this endpoint are pulled: create one with a URL')
}

/**
 * Its workflow acts on a change at once. If Temporal does not answer, a new one is started by the schedule, and one that runs sees the change
 * by itself: but for a resumption, which it may find only an hour later.
 */
export async function announceChange({ endpointWorkflows }: EndpointDependencies, id: string): Promise<void> {
  try {
    await endpointWorkflows.changed(id)
  } catch (error) {
    if (!(error instanceof TemporalUnavailableError)) throw error
  }
}

/**
 * Resumes, and says so to the workflow that waits. May be repeated: the second time it only says so.
 * @throws Problem 404, TemporalUnavailableError.
 */
export async function resume(
  { db, endpointWorkflows }: EndpointDependencies,
  id: string,
  { skip }: { readonly skip: boolean },
): Promise<void> {
  const { url } = existing(await inTime(() => readEndpoint(db, id)))
  await inTime(() => resumeEndpoint(db, id, { skip }))
  if (url !== null) await endpointWorkflows.changed(id)
}

/** @throws Problem 404. @returns the ID of the delivery. */
export async function sendTestEvent(dependencies: EndpointDependencies, id: string): Promise<string> {
  const { db } = dependencies
  existing(await inTime(() => readEndpoint(db, id)))
  const delivery = await inTime(() => addTestDelivery(db, id))
  return delivery.id
}

/** @param overlapMs for how long the present secrets sign on. */
export async function addEndpointSecret(
  { db, clock }: EndpointDependencies,
  id: string,
  overlapMs: number,
): Promise<{ secret: string; othersExpireAt: string }> {
  const secret = createEndpointSecret()
  await inTime(() => rotateEndpointSecret(db, id, secret, overlapMs))
  return { secret, othersExpireAt: new Date(clock() + overlapMs).toISOString() }
}

/** @throws Problem 404. */
export async function readBacklogOf({ db }: EndpointDependencies, id: string): Promise<EndpointWithBacklog> {
  const [row] = await inTime(async () => {
    const found = await readEndpoint(db, id)
    return withBacklogs(db, found === null ? [] : [found])
  })
  return existing(row ?? null)
}

export const noSuchEndpoint = (): Problem => new Problem(404, 'there is no endpoint with this ID: list them')

/** @throws Problem 404 for null. */
export function existing<T>(found: T | null): T {
  if (found === null) throw noSuchEndpoint()
  return found
}
