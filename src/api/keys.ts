/** `/v1/keys`: named API keys with scopes. */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createApiKey, listApiKeys, revokeApiKey } from '../db/api-keys.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { type Scope, scopeNames, scopes } from '../domain/access.ts'
import { defaultProject, oneProject, type Projects, projectNames } from '../domain/project.ts'
import { callerOf, digestOf } from '../http/api-key.ts'
import { jsonObject, name, pageAnswer } from '../http/input.ts'
import { Problem, validationProblem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import { maybeTime, time } from './answers.ts'

/** Shown beside what the key did, so no address. */
export const keyName = name(64).refine((given) => !given.includes('@'), 'must not contain @')
export const keyScopes = z
  .array(z.enum(scopeNames, `must be one of: ${scopeNames.join(', ')}`), 'must be a list of scopes')
  .min(1, 'must have at least 1 scope')
  .transform((given): Scope[] => [...new Set(given)])

const apiKey = z.strictObject({
  id: z.string(),
  name: z.string(),
  project: z.string().describe('The project whose data the key reaches.'),
  scopes: z.array(z.enum(scopeNames)),
  createdAt: time,
  createdBy: z.string().describe('The name of the key, or of the person, that created it.'),
  lastUsedAt: maybeTime.describe('To the minute.'),
  revokedAt: maybeTime,
  revokedBy: z.string().nullable(),
})

const meanings = Object.entries(scopes).map(([scope, meaning]) => `\`${scope}\`: ${meaning}`)

interface KeyDependencies extends KeyProjects {
  readonly db: Database
}

export const keyRoutes = ({ db, ...ofProjects }: KeyDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/keys',
      tag: 'Keys',
      summary: 'List the named keys, newest first',
      description: 'Revoked ones too. The keys of `API_KEYS` are not among them.',
      scope: 'admin',
      answers: { 200: { description: 'All of them, on one page', schema: pageAnswer(apiKey) } },
    },
    async (ctx) => {
      const rows = await inTime(() => listApiKeys(db))
      ctx.body = { data: rows.map(viewOf), nextCursor: null }
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/keys',
      tag: 'Keys',
      summary: 'Create a named key',
      description: `The answer has the key, which is not stored: it cannot be shown again. It reaches the data of one project: that of the key that creates it, or the one named by a key of \`API_KEYS\`, else \`default\`. Scopes are ${meanings.join('; ')}.`,
      scope: 'admin',
      body: jsonObject({ name: keyName, scopes: keyScopes, project: name(32).optional() }),
      answers: { 201: { description: 'Created', schema: apiKey.extend({ key: z.string() }) } },
    },
    async (ctx, { body }) => {
      const { key, stored } = await createNamedKey(db, {
        ...body,
        project: projectOfKey(ofProjects, body.project),
        by: callerOf(ctx).name,
      })
      ctx.status = 201
      ctx.body = { ...viewOf(stored), key }
    },
  ),

  defineRoute(
    {
      method: 'delete',
      path: '/v1/keys/:id',
      tag: 'Keys',
      summary: 'Revoke a named key',
      description: 'It opens nothing after five seconds, on every instance.',
      scope: 'admin',
      params: z.object({ id: name(64) }),
      answers: { 204: { description: 'Revoked' } },
      problems: { 404: 'No such key' },
    },
    async (ctx, { params }) => {
      const isKnown = await inTime(() => revokeApiKey(db, params.id, callerOf(ctx).name))
      if (!isKnown) throw new Problem(404, 'there is no key with this ID: list them')
      ctx.status = 204
    },
  ),
]

/** For whom keys are created. */
export interface KeyProjects {
  /** That of whoever creates it; null: all. */
  readonly project: string | null
  /** Null: there is one. */
  readonly projects?: Pick<Projects, 'accounts'> | null
}

/** The projects for which keys can be created. */
export const keyProjects = ({ project, projects }: KeyProjects): string[] =>
  project === null ? projectNames(projects ?? oneProject) : [project]

/** @throws Problem 400 for a project that is not among {@link keyProjects}. */
export function projectOfKey(creator: KeyProjects, named: string | undefined): string {
  const allowed = keyProjects(creator)
  const project = named ?? creator.project ?? defaultProject
  if (allowed.includes(project)) return project
  throw validationProblem([{ path: 'project', message: `must be one of: ${allowed.join(', ')}` }])
}

/** Creates a key with 192 random bits. @returns it, and what is stored of it. */
export async function createNamedKey(
  db: Database,
  {
    name: keyNamed,
    ...given
  }: { readonly name: string; readonly scopes: readonly Scope[]; readonly project: string; readonly by: string },
): Promise<{ key: string; stored: ApiKey }> {
  const key = `as_${randomBytes(24).toString('base64url')}`
  const digest = digestOf(key).toString('hex')
  return { key, stored: await inTime(() => createApiKey(db, { ...given, name: keyNamed, digest })) }
}

const viewOf = (row: ApiKey) => ({
  id: row.id,
  name: row.name,
  project: row.project,
  scopes: row.scopes,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  revokedAt: row.revokedAt?.toISOString() ?? null,
  revokedBy: row.revokedBy,
})
