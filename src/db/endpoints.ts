/**
 * Statements on the endpoints of webhooks to applications. What is deleted is found by none. A secret is answered by
 * {@link readEndpointSecrets} alone. `project` null: of all projects.
 */
import { randomUUID } from 'node:crypto'
import type { EndpointFilters, PauseReason } from '../domain/endpoint.ts'
import type { FailedEndpoint } from '../domain/endpoint-policy.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import type { Endpoint, Prisma } from './generated/client.ts'

export interface EndpointSettings {
  /** Null: nothing posts, a program pulls. */
  readonly url: string | null
  readonly description: string | null
  /** Empty: all. */
  readonly eventTypes: readonly string[]
  readonly filters: EndpointFilters
}

export interface NewEndpoint extends EndpointSettings {
  readonly project: string
  /** `whsec_…` */
  readonly secret: string
  /** The caller or the person that creates it. */
  readonly by: string
}

/** @returns the stored endpoint, without its secret. */
export const createEndpoint = (
  db: Database,
  { eventTypes, filters, by, secret, ...settings }: NewEndpoint,
): Promise<Endpoint> =>
  db.endpoint.create({
    data: {
      ...settings,
      id: `ep_${randomUUID().replaceAll('-', '')}`,
      eventTypes: [...eventTypes],
      filters: filters as Prisma.InputJsonObject,
      createdBy: by,
      secrets: { create: { secret } },
    },
  })

const inProject = (project: string | null) => ({ deletedAt: null, ...(project !== null && { project }) })

/** All endpoints, the newest first. There are few. */
export const listEndpoints = (db: Database, project: string | null): Promise<Endpoint[]> =>
  db.endpoint.findMany({ where: inProject(project), orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] })

/** Index: endpoints_pkey. */
export const readEndpoint = (db: Database, id: string, project: string | null = null): Promise<Endpoint | null> =>
  db.endpoint.findFirst({ where: { id, ...inProject(project) } })

/** Changes what is given. @returns the endpoint after it; null if there is none. */
export async function updateEndpoint(
  db: Database,
  id: string,
  { eventTypes, filters, ...changes }: Partial<EndpointSettings>,
): Promise<Endpoint | null> {
  await db.endpoint.updateMany({
    where: { id, deletedAt: null },
    data: {
      ...changes,
      ...(eventTypes && { eventTypes: [...eventTypes] }),
      ...(filters && { filters: filters as Prisma.InputJsonObject }),
      updatedAt: new Date(),
    },
  })
  return readEndpoint(db, id)
}

/** Its deliveries stay until their retention ends; its secrets are deleted at once. @returns whether there was one. */
export async function deleteEndpoint(db: Database, id: string): Promise<boolean> {
  const [{ count }] = await db.$transaction([
    db.endpoint.updateMany({ where: { id, deletedAt: null }, data: { deletedAt: new Date() } }),
    db.endpointSecret.deleteMany({ where: { endpointId: id } }),
  ])
  return count > 0
}

/**
 * Pauses an endpoint, unless it is paused already: the first reason stays. Its sender stops at its next claim.
 * @returns whether it was active.
 */
export async function pauseEndpoint(
  db: Database,
  id: string,
  { reason, by = null }: { readonly reason: PauseReason; readonly by?: string | null },
): Promise<boolean> {
  const { count } = await db.endpoint.updateMany({
    where: { id, deletedAt: null, state: 'active' },
    data: { state: 'paused', pausedReason: reason, pausedBy: by, updatedAt: new Date() },
  })
  return count > 0
}

/** A statement that skips more could take longer than it may. */
const skippedAtOnce = 10_000

/**
 * Resumes an endpoint. What it missed is due at once, in order; or with `skip`, all of it is skipped before.
 * Indexes: endpoints_pkey, deliveries_pending.
 * @returns whether it was paused.
 */
export async function resumeEndpoint(
  db: Database,
  id: string,
  { skip = false }: { readonly skip?: boolean } = {},
): Promise<boolean> {
  const paused = await db.endpoint.findFirst({ where: { id, deletedAt: null, state: 'paused' }, select: { id: true } })
  if (!paused) return false
  if (skip) await skipPending(db, id)
  else await releaseRetries(db, id)
  const { count } = await db.endpoint.updateMany({
    where: { id, deletedAt: null, state: 'paused' },
    data: {
      ...{ state: 'active', pausedReason: null, pausedBy: null, updatedAt: new Date() },
      ...{ failures: 0, firstFailedAt: null, notBefore: null },
    },
  })
  return count > 0
}

/** What waits for its next attempt is due now, with all attempts before it. Index: deliveries_pending. */
export const releaseRetries = (db: Database, id: string): Promise<unknown> => db.$executeRaw`
  UPDATE deliveries SET attempts = 0, next_attempt_at = now()
  WHERE endpoint_id = ${id} AND state = 'pending' AND next_attempt_at > now()`

async function skipPending(db: Database, id: string): Promise<void> {
  for (let skipped = skippedAtOnce; skipped === skippedAtOnce; ) {
    skipped = await db.$executeRaw`
      UPDATE deliveries SET state = 'skipped' WHERE id = ANY(ARRAY(
        SELECT id FROM deliveries WHERE endpoint_id = ${id} AND state = 'pending' ORDER BY id LIMIT ${skippedAtOnce}))`
  }
}

/** The unexpired secrets, the newest first. Index: endpoint_secrets_endpoint_id_idx. */
export async function readEndpointSecrets(db: Database, id: string): Promise<string[]> {
  const rows = await db.$queryRaw<{ secret: string }[]>`
    SELECT secret FROM endpoint_secrets WHERE endpoint_id = ${id} AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC`
  return rows.map(({ secret }) => secret)
}

/** Adds a secret. Those of before expire after `overlapMs`, or earlier if they were to; expired ones are deleted. */
export const rotateEndpointSecret = (db: Database, id: string, secret: string, overlapMs: number): Promise<unknown> =>
  db.$transaction([
    db.$executeRaw`DELETE FROM endpoint_secrets WHERE endpoint_id = ${id} AND expires_at <= now()`,
    db.$executeRaw`
      UPDATE endpoint_secrets SET expires_at = least(expires_at, ${iso(Date.now() + overlapMs)}::timestamptz) WHERE endpoint_id = ${id}`,
    db.$executeRaw`INSERT INTO endpoint_secrets (endpoint_id, secret) VALUES (${id}, ${secret})`,
  ])

/** What waits for an endpoint. */
export interface EndpointBacklog {
  readonly pending: number
  readonly oldestAt: Date | null
}

const countedUpTo = 100_000

/** At most 100,000 are counted. Index: deliveries_pending. */
export async function readEndpointBacklog(db: Database, id: string): Promise<EndpointBacklog> {
  const [row] = await db.$queryRaw<{ pending: number; oldest_at: Date | null }[]>`
    SELECT count(*)::int AS pending, min(created_at) AS oldest_at
    FROM (SELECT created_at FROM deliveries WHERE endpoint_id = ${id} AND state = 'pending' ORDER BY id LIMIT ${countedUpTo}) AS waiting`
  return { pending: row?.pending ?? 0, oldestAt: row?.oldest_at ?? null }
}

/** Of those that must have a workflow: with a URL, not deleted. */
export async function readPostedEndpointIds(db: Database): Promise<string[]> {
  const rows = await db.$queryRaw<
    { id: string }[]
  >`SELECT id FROM endpoints WHERE deleted_at IS NULL AND url IS NOT NULL ORDER BY id`
  return rows.map(({ id }) => id)
}

/** The endpoints that were paused by themselves. There are few. */
export async function readFailedEndpoints(db: Database): Promise<FailedEndpoint[]> {
  const rows = await db.endpoint.findMany({
    where: { deletedAt: null, state: 'paused', pausedReason: { in: ['failing', 'gone'] } },
    select: { id: true, pausedReason: true },
  })
  return rows.map(({ id, pausedReason }) => ({ id, reason: pausedReason as PauseReason }))
}
