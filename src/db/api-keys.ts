/** Statements on named API keys. */
import { randomUUID } from 'node:crypto'
import type { Scope } from '../domain/access.ts'
import type { Database } from './database.ts'
import type { ApiKey } from './generated/client.ts'

export interface NewApiKey {
  readonly name: string
  readonly digest: string
  readonly scopes: readonly Scope[]
  readonly project: string
  /** The caller or the person that creates it. */
  readonly by: string
}

/** @returns the stored key, without the key itself. */
export const createApiKey = (db: Database, { name, digest, scopes, project, by }: NewApiKey): Promise<ApiKey> =>
  db.apiKey.create({ data: { id: `key_${randomUUID()}`, name, digest, scopes: [...scopes], project, createdBy: by } })

/** All keys, the newest first; the revoked ones are history. There are few. */
export const listApiKeys = (db: Database): Promise<ApiKey[]> =>
  db.apiKey.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }] })

export const readActiveApiKeys = (db: Database): Promise<ApiKey[]> => db.apiKey.findMany({ where: { revokedAt: null } })

/** @returns false if there is no such key. One that is revoked already stays as it is. */
export async function revokeApiKey(db: Database, id: string, by: string): Promise<boolean> {
  const { count } = await db.apiKey.updateMany({
    where: { id, revokedAt: null },
    data: { revokedAt: new Date(), revokedBy: by },
  })
  return count > 0 || (await db.apiKey.count({ where: { id } })) > 0
}

/** Index: api_keys_pkey. */
export const noteApiKeyUse = (db: Database, id: string): Promise<unknown> =>
  db.apiKey.updateMany({ where: { id }, data: { lastUsedAt: new Date() } })
