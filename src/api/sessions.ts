/** `/v1/sessions`: the people who are signed in to the dashboard. */
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import type { Session } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { listOpenSessions, revokeSession } from '../db/sessions.ts'
import { roleNames } from '../domain/access.ts'
import { callerOf, type KeyRing } from '../http/api-key.ts'
import { name, pageAnswer } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { time } from './answers.ts'

export interface SessionsDependencies {
  readonly db: Database
  /** The keys whose sessions are open; null: none. */
  readonly keys: KeyRing | null
  readonly clock: () => number
}

const session = z.strictObject({
  id: z.string(),
  name: z.string(),
  via: z.enum(['key', 'openid']),
  keyName: z.string().nullable().describe('`environment` for a key of `API_KEYS`.'),
  keyId: z
    .string()
    .nullable()
    .describe('Of the key of the sign-in: the session may do what the key may, and ends with it.'),
  role: z.enum(roleNames).nullable().describe('Of a person who signed in by OpenID Connect.'),
  createdAt: time,
  lastSeenAt: time.describe('To the minute.'),
  client: z.string().describe('The address that the sign-in came from.'),
  userAgent: z.string(),
})

export const sessionRoutes = (dependencies: SessionsDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/sessions',
      tag: 'Sessions',
      summary: 'List who is signed in to the dashboard, the last used first',
      scope: 'admin',
      answers: { 200: { description: 'All of them, on one page', schema: pageAnswer(session) } },
    },
    async (ctx) => {
      ctx.body = { data: (await readOpenSessions(dependencies)).map(viewOf), nextCursor: null }
    },
  ),

  defineRoute(
    {
      method: 'delete',
      path: '/v1/sessions/:id',
      tag: 'Sessions',
      summary: 'Revoke a session',
      description: 'It opens nothing after five seconds, on every instance.',
      scope: 'admin',
      params: z.object({ id: name(64) }),
      answers: { 204: { description: 'Revoked' } },
      problems: { 404: 'No such session' },
    },
    async (ctx, { params }) => {
      const { db, clock } = dependencies
      const isKnown = await inTime(() => revokeSession(db, params.id, callerOf(ctx).name, clock()))
      if (!isKnown) throw new Problem(404, 'there is no session with this ID: list them')
      ctx.status = 204
    },
  ),
]

export interface OpenSession extends Session {
  /** Of the key of the sign-in; null for OpenID Connect. */
  readonly keyName: string | null
}

/** Those that open the dashboard: not those whose key is gone. */
export async function readOpenSessions({ db, keys, clock }: SessionsDependencies): Promise<OpenSession[]> {
  const rows = await inTime(() => listOpenSessions(db, clock()))
  const holders = await Promise.all(rows.map(({ keyId }) => (keyId === null ? null : keys?.findById(keyId))))
  return rows
    .map((row, index) => ({ ...row, keyName: holders[index]?.name ?? null }))
    .filter(({ keyId, keyName }) => keyId === null || keyName !== null)
}

const viewOf = ({ id, name: of, keyId, keyName, role, createdAt, lastSeenAt, client, userAgent }: OpenSession) => ({
  id,
  name: of,
  via: keyId === null ? 'openid' : 'key',
  keyName,
  keyId,
  role,
  createdAt: createdAt.toISOString(),
  lastSeenAt: lastSeenAt.toISOString(),
  client,
  userAgent,
})
