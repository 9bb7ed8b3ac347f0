/** Statements on the sessions of people at the dashboard. */
import { randomUUID } from 'node:crypto'
import type { Role } from '../domain/access.ts'
import { sessionIdleMs, sessionLifetimeMs } from '../domain/session.ts'
import type { Database } from './database.ts'
import type { Session } from './generated/client.ts'

export interface NewSession {
  readonly name: string
  /** SHA-256 of the token. */
  readonly digest: string
  /** The one that the person reaches; null: all. */
  readonly project: string | null
  /** One of `keyId` and `role` is given. */
  readonly keyId: string | null
  readonly role: Role | null
  readonly client: string
  readonly userAgent: string
}

/** Creates a session, and deletes those that are past their lifetime. @param now epoch milliseconds. */
export async function createSession(db: Database, session: NewSession, now: number): Promise<Session> {
  await db.session.deleteMany({ where: { createdAt: { lte: new Date(now - sessionLifetimeMs) } } })
  const at = new Date(now)
  return db.session.create({ data: { ...session, id: `session_${randomUUID()}`, createdAt: at, lastSeenAt: at } })
}

/** Those that were revoked too. Index: sessions_digest_key. */
export const findSessions = (db: Database, digests: readonly string[]): Promise<Session[]> =>
  db.session.findMany({ where: { digest: { in: [...digests] } } })

/** Those that are neither revoked nor over, the last used first. There are few. */
export const listOpenSessions = (db: Database, now: number): Promise<Session[]> =>
  db.session.findMany({
    where: {
      revokedAt: null,
      lastSeenAt: { gt: new Date(now - sessionIdleMs) },
      createdAt: { gt: new Date(now - sessionLifetimeMs) },
    },
    orderBy: [{ lastSeenAt: 'desc' }, { id: 'asc' }],
  })

/** Index: sessions_pkey. */
export const noteSessionUse = (db: Database, id: string, now: number): Promise<unknown> =>
  db.session.updateMany({ where: { id, lastSeenAt: { lt: new Date(now) } }, data: { lastSeenAt: new Date(now) } })

/** @returns false if there is no such session. One that is revoked already stays as it is. Index: sessions_pkey. */
export async function revokeSession(db: Database, id: string, by: string, now: number): Promise<boolean> {
  const revoked = { revokedAt: new Date(now), revokedBy: by }
  const { count } = await db.session.updateMany({ where: { id, revokedAt: null }, data: revoked })
  return count > 0 || (await db.session.count({ where: { id } })) > 0
}

/** Revokes all but one. */
export const revokeOtherSessions = (db: Database, exceptId: string, by: string, now: number): Promise<unknown> =>
  db.session.updateMany({
    where: { id: { not: exceptId }, revokedAt: null },
    data: { revokedAt: new Date(now), revokedBy: by },
  })
